// SPDX-License-Identifier: Apache-2.0
//
// Reapi makes the calls of the Remote Execution API that a cache needs, on one
// channel. No method blocks. Each calls `done` once, on a thread of gRPC's, and
// `done` must not wait for anything. Users of this header see no types of
// gRPC's.
//
// Errors come from the server or from gRPC (Unavailable, DeadlineExceeded).
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
  std::string token_file;  // empty: send no token
  std::string instance;
};

// Thread-safe.
class Reapi {
 public:
  template <typename Response>
  using Done =
      std::function<void(const absl::Status& status, Response response)>;
  using Ended = std::function<void(const absl::Status& status)>;
  // Takes the next bytes. If it returns false, the call ends with DataLoss.
  using Sink = std::function<bool(absl::string_view bytes)>;

  // Connects at the first call. `counters`, which count the bytes of messages,
  // must outlive the Reapi. InvalidArgument if the files cannot be used.
  static absl::StatusOr<std::unique_ptr<Reapi>> Create(
      ReapiOptions options, store::Counters* counters);
  // Stops, and waits until the last `done` has returned.
  ~Reapi();
  Reapi(const Reapi&) = delete;
  Reapi& operator=(const Reapi&) = delete;

  // Cancels the calls that are under way. A call that is made later ends with
  // Cancelled.
  void Stop();

  // Callers leave the instance name out of the requests; these methods add it.
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

  // A part of a blob. Size 0 means up to the blob's end.
  struct Range {
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  // Reads a blob in pieces; a compressed one must be read whole. One thread at
  // a time calls `sink`, and none calls it after `ended`.
  void Read(const BlobName& name, bool zstd, Range range, absl::Time deadline,
            Sink sink, Ended ended);
  // `bytes` are the blob, or its zstd frames. They must live until `ended` is
  // called.
  void Write(const BlobName& name, bool zstd, absl::string_view bytes,
             absl::Time deadline, Ended ended);

 private:
  class Impl;
  explicit Reapi(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_REAPI_H_
