// SPDX-License-Identifier: Apache-2.0
//
// Names the daemon's work as Actions of the Remote Execution API. An Action is
// made of a Command, whose arguments name the engine and the steps, and of an
// input root, which holds the input files. Its name is a hash of exactly these,
// so all hosts of a farm ask for the same work by the same name. All its parts
// are real blobs, so a server that checks Actions finds them complete. There
// are two Actions, with these input and output files:
//
//   finalize            index
//     BTF                 base.sha256   the base's digest in hex, and a newline
//     BTF.base
//     BTF_ids           a serialized btfd.v1.IdsSection
//     base.sha256
//   -> BTF, BTF.base, BTF_ids where upstream writes that file;
//                       -> base.btf and base.index.0 to .3 (core), or
//                          base.dedup.0 to .3: the parts of packed_index.h
#ifndef BTFD_DAEMON_REMOTE_CACHE_ACTION_H_
#define BTFD_DAEMON_REMOTE_CACHE_ACTION_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "daemon/remote_cache/blob_name.h"
#include "lib/store/store.h"
#include "lib/util/digest.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon::remote {

// Names of input and output files.
inline constexpr char kBtfFile[] = "BTF";
inline constexpr char kBtfBaseFile[] = "BTF.base";
inline constexpr char kBtfIdsFile[] = "BTF_ids";
inline constexpr char kBaseDigestFile[] = "base.sha256";
inline constexpr char kRawBaseFile[] = "base.btf";

struct OwnedBlob {
  BlobName name;
  std::string bytes;
};

struct Action {
  BlobName name;
  // The Action itself, its Command, its Directory and the base's digest. The
  // caller has the other input files.
  std::vector<OwnedBlob> blobs;
};

// The names of the output files that hold an index, in the order of its parts.
std::vector<std::string> FilesOf(store::IndexPart part);

Action FinalizeAction(const v1::FindResultRequest& query);

// `version` is the version of engine and index blob together: the one that
// Load() accepts.
Action IndexAction(const util::Digest& base, store::IndexPart part,
                   absl::string_view version);

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_ACTION_H_
