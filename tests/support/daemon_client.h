// SPDX-License-Identifier: Apache-2.0
//
// A client of the daemon that a test controls: it can behave well or badly, or
// do nothing. It makes the calls of proto/btfd.proto, without the retries and
// fallbacks of the real client.
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

// Connects to a Unix socket; invalid if nobody listens.
util::UniqueFd ConnectTo(const std::string& socket);

// Thread-safe. A returned Status is that of the transport.
class DaemonClient {
 public:
  struct Impl;
  // A FinalizeStream call, without a deadline.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual bool Write(const v1::FinalizeRequest& request) = 0;
    virtual bool Read(v1::FinalizeResponse* response) = 0;
    virtual void WritesDone() = 0;
    virtual void Cancel() = 0;
    virtual absl::Status Finish() = 0;
  };
  // An AddBase call, without a deadline.
  class Upload {
   public:
    virtual ~Upload() = default;
    virtual bool Write(const v1::AddBaseRequest& part) = 0;
    // Ends the upload.
    virtual absl::StatusOr<v1::AddBaseResponse> Finish() = 0;
  };

  explicit DaemonClient(util::UniqueFd connection);
  ~DaemonClient();

  // Returns the daemon's process id.
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
  // Uploads a base in chunks of `chunk` bytes.
  absl::StatusOr<v1::AddBaseResponse> AddBase(const std::string& raw,
                                              size_t chunk = 1 << 20);
  // Calls any method with any bytes as its message, compressed with gzip or
  // not. If the name has a slash, it is a whole path: "/package.Service/Name".
  absl::StatusOr<std::string> Call(const std::string& method,
                                   const std::string& message,
                                   bool gzip = false);
  // For all other calls.
  v1::Btfd::Stub* stub();
  std::shared_ptr<grpc::Channel> channel();

 private:
  std::unique_ptr<Impl> impl_;
};

// The header of an upload of these bytes.
v1::AddBaseRequest HeaderFor(const std::string& raw);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_DAEMON_CLIENT_H_
