// SPDX-License-Identifier: Apache-2.0
//
// A file of event names, a line each: how clients tell the daemon, once there
// is one, of what happened while there was none. A lock (flock) on the file
// keeps those that write to it apart from the one that takes what was written.
#ifndef BTFD_LIB_UTIL_EVENT_FILE_H_
#define BTFD_LIB_UTIL_EVENT_FILE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::util {

// A file of that size is added to no more: nobody has taken from it for long.
inline constexpr uint64_t kMaxEventFile = uint64_t{1} << 20;

// Adds one event; `name` has no newline. The file is made if need be, with mode
// 0600. Errors: as of OpenOwnForAppending; ResourceExhausted if it is full.
absl::Status AddEvent(const std::string& path, absl::string_view name);

// How often each event was added since this was last called, and the file is
// empty then. Nothing where there is no file, or a client holds its lock at the
// moment. PermissionDenied where the file is not ours.
absl::StatusOr<std::map<std::string, uint64_t>> TakeEvents(
    const std::string& path);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_EVENT_FILE_H_
