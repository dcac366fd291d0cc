// SPDX-License-Identifier: Apache-2.0
//
// Converts between a finished FinalizeResponse and an ActionResult. The files
// that upstream writes are the output files. The warnings are stderr, one on
// each line. The numbers of types are stdout. Whatever a server sends is
// checked: that the files are ours, their sizes and their digests.
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

// Returns the ActionResult of a response whose outcome is OK. Appends to
// `blobs` the blobs that must be in the CAS before the result is.
reapi::ActionResult EncodeResult(const v1::FinalizeResponse& response,
                                 std::vector<OwnedBlob>* blobs);

// A part of an ActionResult. The server sent it along (inlined), or it is still
// in the CAS.
struct ResultPart {
  enum class Kind { kOutput, kStdout, kStderr };
  Kind kind = Kind::kOutput;
  std::string path;  // of an output
  BlobName name;
  bool inlined = false;
  std::string bytes;  // checked against `name` once they have come
};

// Returns the parts of a result. Its outputs must be among `paths`. DataLoss if
// it is no result of ours, if a part has more than `max_bytes`, or if an
// inlined part does not fit its digest.
absl::StatusOr<std::vector<ResultPart>> PartsOf(
    reapi::ActionResult result, absl::Span<const absl::string_view> paths,
    uint64_t max_bytes);

// Returns the response that is made of parts, which must have all their bytes.
// DataLoss if stdout is not as EncodeResult() writes it.
absl::StatusOr<v1::FinalizeResponse> DecodeResult(
    std::vector<ResultPart> parts);

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_RESULT_H_
