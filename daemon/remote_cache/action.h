// SPDX-License-Identifier: Apache-2.0
//
// What the daemon does, told as Actions of the Remote Execution API: a Command
// whose arguments name the engine and the steps, and an input root that holds
// what it works on. An Action's name is a pure function of exactly that, so all
// hosts of a farm ask for the same thing by the same name; its parts are real
// blobs, so a server that looks into Actions finds them in order.
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
  // The Action itself, its Command, its Directory and the base's digest; the
  // other input files are the caller's.
  std::vector<OwnedBlob> blobs;
};

// The outputs that hold an index, in the order of its parts.
std::vector<std::string> FilesOf(store::IndexPart part);

Action FinalizeAction(const v1::FindResultRequest& query);

// `version` is that of engine and blob together: what Load() accepts.
Action IndexAction(const util::Digest& base, store::IndexPart part,
                   absl::string_view version);

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_ACTION_H_
