// SPDX-License-Identifier: Apache-2.0
//
// The calls of the Remote Execution API that a cache takes, on one channel.
// None blocks: each ends in one call of `done`, on a thread of gRPC's, and that
// must not wait for anything. gRPC's own types stay behind this header.
//
// Errors are the server's, or gRPC's (Unavailable, DeadlineExceeded).
#ifndef BTFD_DAEMON_REMOTE_CACHE_REAPI_H_
#define BTFD_DAEMON_REMOTE_CACHE_REAPI_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "daemon/remote_cache/blob_name.h"
#include "daemon/tls/client_credentials.h"
#include "lib/store/counters.h"
#include "proto/remote_execution.pb.h"

namespace btfd::daemon::remote {

struct ReapiOptions {
  tls::Endpoint endpoint;
  tls::ClientFiles files;  // for a secure endpoint
  std::string token_file;  // empty: no token is sent
  std::string instance;
};

// Thread-safe.
class Reapi {
 public:
  template <typename Response>
  using Done =
      std::function<void(const absl::Status& status, Response response)>;
  using Ended = std::function<void(const absl::Status& status)>;
  // Takes the next bytes; false ends the call with DataLoss.
  using Sink = std::function<bool(absl::string_view bytes)>;

  // Connects with the first call. `counters`, of the bytes of messages, must
  // outlive it. InvalidArgument if the files are no good.
  static absl::StatusOr<std::unique_ptr<Reapi>> Create(
      ReapiOptions options, store::Counters* counters);
  // Stops, and waits until the last `done` has returned.
  ~Reapi();
  Reapi(const Reapi&) = delete;
  Reapi& operator=(const Reapi&) = delete;

  // Cancels what is under way; what is called from now on is Cancelled.
  void Stop();

  // Requests need no instance name.
  void GetCapabilities(absl::Time deadline,
                       Done<reapi::ServerCapabilities> done);
  void GetActionResult(reapi::GetActionResultRequest request,
                       absl::Time deadline, Done<reapi::ActionResult> done);
  void UpdateActionResult(reapi::UpdateActionResultRequest request,
                          absl::Time deadline, Done<reapi::ActionResult> done);
  void FindMissingBlobs(reapi::FindMissingBlobsRequest request,
                        absl::Time deadline,
                        Done<reapi::FindMissingBlobsResponse> done);
  void BatchUpdateBlobs(reapi::BatchUpdateBlobsRequest request,
                        absl::Time deadline,
                        Done<reapi::BatchUpdateBlobsResponse> done);
  void BatchReadBlobs(reapi::BatchReadBlobsRequest request, absl::Time deadline,
                      Done<reapi::BatchReadBlobsResponse> done);

  // Part of a blob; a size of 0 means up to its end.
  struct Range {
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  // A blob in pieces, compressed (then whole) or not; `sink` is called by one
  // thread at a time, and not any more once `ended` is.
  void Read(const BlobName& name, bool zstd, Range range, absl::Time deadline,
            Sink sink, Ended ended);
  // `bytes` are those of the blob, or its frames; they live until `ended`.
  void Write(const BlobName& name, bool zstd, absl::string_view bytes,
             absl::Time deadline, Ended ended);

 private:
  class Impl;
  explicit Reapi(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_REAPI_H_
