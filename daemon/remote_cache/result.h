// SPDX-License-Identifier: Apache-2.0
//
// Between a finished FinalizeResponse and the ActionResult that stands for it:
// the files that upstream writes are its output files, the warnings its stderr
// (a line each), the numbers of types its stdout. What comes from a server is
// believed in nothing: not that files are ours, not sizes, not digests.
#ifndef BTFD_DAEMON_REMOTE_CACHE_RESULT_H_
#define BTFD_DAEMON_REMOTE_CACHE_RESULT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "daemon/remote_cache/action.h"
#include "daemon/remote_cache/blob_name.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon::remote {

// The ActionResult of a response whose outcome is OK; what must be in the CAS
// before it is appended to `blobs`.
reapi::ActionResult EncodeResult(const v1::FinalizeResponse& response,
                                 std::vector<OwnedBlob>* blobs);

// A part of an ActionResult: inlined by the server, or still in the CAS.
struct ResultPart {
  enum class Kind { kOutput, kStdout, kStderr };
  Kind kind = Kind::kOutput;
  std::string path;  // of an output
  BlobName name;
  bool inlined = false;
  std::string bytes;  // checked against `name` once inlined or fetched
};

// The parts of a result whose outputs are among `paths`. DataLoss if it is not
// such a result, if one part has more than `max_bytes`, or if an inlined part
// is not what its digest says.
absl::StatusOr<std::vector<ResultPart>> PartsOf(
    reapi::ActionResult result, absl::Span<const absl::string_view> paths,
    uint64_t max_bytes);

// The response that parts with all their bytes make. DataLoss if stdout is not
// as EncodeResult writes it.
absl::StatusOr<v1::FinalizeResponse> DecodeResult(
    std::vector<ResultPart> parts);

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_RESULT_H_
