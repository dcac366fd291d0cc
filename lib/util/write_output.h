// SPDX-License-Identifier: Apache-2.0
//
// The one rule by which every file is written that somebody named:
// - A regular file, or one that is not there yet, is replaced by a finished one
//   (ReplacementFile): old or whole new, whenever the writer is killed.
// - Where that cannot be (the file is a mount point, its directory cannot be
//   written to, there is no room for a second copy), a regular file that can be
//   written to is overwritten. A notice says so: a writer that is killed
//   meanwhile leaves a broken file. The room that the file grows by is reserved
//   first: on a full disk it stays as it was.
// - What is no regular file (a device, a pipe) is written to as it is, and so
//   is an open descriptor: /dev/stdout, /dev/stderr, /dev/fd/N and
//   /proc/self/fd/N mean the descriptor, at its position, whether or not /proc
//   is there.
#ifndef BTFD_LIB_UTIL_WRITE_OUTPUT_H_
#define BTFD_LIB_UTIL_WRITE_OUTPUT_H_

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/util/file.h"

namespace btfd::util {

// Takes a line for people, which starts with the path and has no newline.
using Notice = std::function<void(const std::string&)>;

// The descriptor that such a name means.
std::optional<int> DescriptorNamed(absl::string_view path);

// Whether an output of that name is written through, and not replaced.
bool IsWrittenThrough(const std::string& path);
// Writes all of it, from the beginning; a regular file is not cut.
absl::Status WriteThrough(const std::string& path, absl::string_view bytes);

// Overwrites a regular file, open for reading and writing, so that it holds
// just `bytes`; `why` it is not replaced goes into the notice. What it holds
// already is not written again; what is, from the end to the beginning, so that
// a header comes last. Errors up to the first byte that is overwritten leave
// the file as it was.
absl::Status Overwrite(int fd, const std::string& path, absl::string_view bytes,
                       const absl::Status& why, const Notice& notice);

// A replacement on its way, and how far it got where it failed.
struct Replaced {
  absl::Status status;
  // Overwriting may do better: what failed is the replacement as such.
  bool may_overwrite = false;
};
// Fills a ReplacementFile and commits it. `fill` writes the content, and may
// refuse for reasons of its own.
Replaced Replace(
    const std::string& path, const struct stat* like,
    absl::FunctionRef<absl::Status(const ReplacementFile& file)> fill);
// Makes `bytes` the content of `path` by the rule above. `notice` may be null.
absl::Status WriteOutput(const std::string& path, absl::string_view bytes,
                         const Notice& notice);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_WRITE_OUTPUT_H_
