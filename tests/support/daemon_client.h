// SPDX-License-Identifier: Apache-2.0
//
// A client that behaves as a test wants it to: well, badly, or not at all. The
// calls are those of proto/btfd.proto without any of the client's repairs.
#ifndef BTFD_TESTS_SUPPORT_DAEMON_CLIENT_H_
#define BTFD_TESTS_SUPPORT_DAEMON_CLIENT_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/util/file.h"
#include "proto/btfd.grpc.pb.h"
#include "proto/btfd.pb.h"

namespace btfd::tests {

// A connection to a Unix socket; invalid where nobody listens.
util::UniqueFd ConnectTo(const std::string& socket);

// Thread-safe. A Status is the transport's.
class DaemonClient {
 public:
  struct Impl;
  // FinalizeStream, without a deadline.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual bool Write(const v1::FinalizeRequest& request) = 0;
    virtual bool Read(v1::FinalizeResponse* response) = 0;
    virtual void WritesDone() = 0;
    virtual void Cancel() = 0;
    virtual absl::Status Finish() = 0;
  };
  // AddBase, likewise.
  class Upload {
   public:
    virtual ~Upload() = default;
    virtual bool Write(const v1::AddBaseRequest& part) = 0;
    // Ends the upload.
    virtual absl::StatusOr<v1::AddBaseResponse> Finish() = 0;
  };

  explicit DaemonClient(util::UniqueFd connection);
  ~DaemonClient();

  // The daemon's process.
  absl::StatusOr<int> Greet();
  absl::StatusOr<v1::FinalizeResponse> Finalize(
      const v1::FinalizeRequest& request,
      absl::Duration limit = absl::Seconds(120));
  absl::StatusOr<v1::GetStatusResponse> Status();
  absl::StatusOr<v1::BindFileKeyResponse> BindFileKey(
      const v1::BindFileKeyRequest& request);
  absl::StatusOr<v1::RemoveBaseResponse> RemoveBase(const std::string& digest);
  std::unique_ptr<Stream> StartStream();
  std::unique_ptr<Upload> StartUpload();
  // A whole upload, in chunks of `chunk` bytes.
  absl::StatusOr<v1::AddBaseResponse> AddBase(const std::string& raw,
                                              size_t chunk = 1 << 20);
  // One call of any method with a message of any bytes, gzipped or not. A name
  // with a slash is a whole path, "/package.Service/Name".
  absl::StatusOr<std::string> Call(const std::string& method,
                                   const std::string& message,
                                   bool gzip = false);
  // For any other call.
  v1::Btfd::Stub* stub();
  std::shared_ptr<grpc::Channel> channel();

 private:
  std::unique_ptr<Impl> impl_;
};

// Of an upload of these bytes.
v1::AddBaseRequest HeaderFor(const std::string& raw);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_DAEMON_CLIENT_H_
