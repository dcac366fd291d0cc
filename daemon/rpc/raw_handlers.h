// SPDX-License-Identifier: Apache-2.0
//
// Handlers for calls whose requests arrive as bytes, so that they can be
// measured before they are parsed. gRPC has such handlers for the code that it
// generates. They are in its namespace `internal`, which may change with any
// release. Only this header uses it (tried with 1.51).
#ifndef BTFD_DAEMON_RPC_RAW_HANDLERS_H_
#define BTFD_DAEMON_RPC_RAW_HANDLERS_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/method_handler.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/sync_stream.h>

#include <functional>
#include <utility>

namespace btfd::daemon {

template <typename Response>
using RawUnaryCall = grpc::ServerUnaryStreamer<grpc::ByteBuffer, Response>;
template <typename Response>
using RawStreamCall = grpc::ServerReaderWriter<Response, grpc::ByteBuffer>;

// grpc::Service::MarkMethodStreamed() takes the results of both, and owns them.
template <typename Response>
grpc::internal::MethodHandler* NewRawUnaryHandler(
    std::function<grpc::Status(grpc::ServerContext*, RawUnaryCall<Response>*)>
        serve) {
  return new grpc::internal::StreamedUnaryHandler<grpc::ByteBuffer, Response>(
      std::move(serve));
}
// For calls with many requests, many responses, or both.
template <typename Response>
grpc::internal::MethodHandler* NewRawStreamHandler(
    std::function<grpc::Status(grpc::ServerContext*, RawStreamCall<Response>*)>
        serve) {
  return new grpc::internal::TemplatedBidiStreamingHandler<
      RawStreamCall<Response>, false>(std::move(serve));
}

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_RAW_HANDLERS_H_
