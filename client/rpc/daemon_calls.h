// SPDX-License-Identifier: Apache-2.0
//
// The daemon's calls with one answer, and the time limits of our calls. Each
// call has a deadline. A daemon that does not answer at all (stopped, hung) is
// noticed long before the deadline. BatchStream makes the call that streams in
// both directions.
#ifndef BTFD_CLIENT_RPC_DAEMON_CALLS_H_
#define BTFD_CLIENT_RPC_DAEMON_CALLS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/request/base_file.h"
#include "client/rpc/direct_connection.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// After this time without any answer the client sends a probe, and waits
// kProbeLimit for the reply. A busy daemon replies, a stopped one does not. So
// the sum of both times is the cost of finding out.
inline constexpr absl::Duration kSilenceLimit = absl::Seconds(2);
inline constexpr absl::Duration kProbeLimit = absl::Seconds(2);

// The longest time for a whole call that sends `bytes` bytes.
absl::Duration CallLimit(uint64_t bytes);

// A method of proto/btfd.proto with one request and one response.
template <typename Request, typename Response>
struct Method {
  const char* path;
};

inline constexpr Method<v1::GreetRequest, v1::GreetResponse> kGreet = {
    "/btfd.v1.Btfd/Greet"};
inline constexpr Method<v1::FinalizeRequest, v1::FinalizeResponse> kFinalize = {
    "/btfd.v1.Btfd/Finalize"};
inline constexpr Method<v1::BindFileKeyRequest, v1::BindFileKeyResponse>
    kBindFileKey = {"/btfd.v1.Btfd/BindFileKey"};
inline constexpr Method<v1::ReadBaseRequest, v1::ReadBaseResponse> kReadBase = {
    "/btfd.v1.Btfd/ReadBase"};
inline constexpr Method<v1::ListBasesRequest, v1::ListBasesResponse>
    kListBases = {"/btfd.v1.Btfd/ListBases"};
inline constexpr Method<v1::RemoveBaseRequest, v1::RemoveBaseResponse>
    kRemoveBase = {"/btfd.v1.Btfd/RemoveBase"};
inline constexpr Method<v1::GetStatusRequest, v1::GetStatusResponse>
    kGetStatus = {"/btfd.v1.Btfd/GetStatus"};
inline constexpr Method<v1::GetCacheStatusRequest, v1::GetCacheStatusResponse>
    kGetCacheStatus = {"/btfd.v1.Btfd/GetCacheStatus"};
inline constexpr Method<v1::ClearCacheRequest, v1::ClearCacheResponse>
    kClearCache = {"/btfd.v1.Btfd/ClearCache"};
inline constexpr Method<v1::VerifyCacheRequest, v1::VerifyCacheResponse>
    kVerifyCache = {"/btfd.v1.Btfd/VerifyCache"};
inline constexpr Method<v1::ReportEventsRequest, v1::ReportEventsResponse>
    kReportEvents = {"/btfd.v1.Btfd/ReportEvents"};
inline constexpr Method<v1::ShutdownRequest, v1::ShutdownResponse> kShutdown = {
    "/btfd.v1.Btfd/Shutdown"};

// The Status is the transport's, as in DirectConnection::Call().
template <typename Request, typename Response>
absl::Status Call(DirectConnection* daemon,
                  const Method<Request, Response>& method,
                  const Request& request, Response* response) {
  return daemon->Call(
      method.path, request,
      {CallLimit(request.ByteSizeLong()), kSilenceLimit, kProbeLimit},
      response);
}

// Sends a base in chunks. Precondition: base->digest() has returned OK before.
// The Status is the transport's.
absl::StatusOr<v1::AddBaseResponse> AddBase(DirectConnection* daemon,
                                            BaseFile* base);

// The raw .BTF of a base that the daemon has, or can get from those that it
// works with. NotFound if none has it; DataLoss if what came is not what the
// digest says; else the Status is the transport's.
absl::StatusOr<std::string> ReadBase(DirectConnection* daemon,
                                     const util::Digest& digest);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_DAEMON_CALLS_H_
