// SPDX-License-Identifier: Apache-2.0
//
// gRPC over a socket that is connected already, and calls that end: each has a
// deadline, and a daemon that no longer answers at all (stopped, hung) is found
// out long before it.
#ifndef BTFD_CLIENT_CHANNEL_H_
#define BTFD_CLIENT_CHANNEL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/unary_connection.h"
#include "lib/util/file.h"
#include "proto/btfd_lite.grpc.pb.h"

namespace btfd::client {

// For how long a call may be silent before the daemon is asked whether it is
// there, and for how long it may think about that. A busy daemon answers, a
// stopped one does not; the two together are what it costs to find out.
inline constexpr absl::Duration kPatience = absl::Seconds(2);
inline constexpr absl::Duration kProbeLimit = absl::Seconds(2);

// How long a call that ships `bytes` may take in all.
absl::Duration CallLimit(uint64_t bytes);

// Thread-safe from the first stub() on.
class Channel {
 public:
  // Makes one more connection to the same daemon.
  using Dial = std::function<absl::StatusOr<util::UniqueFd>()>;

  // With `dial`, Finalize() goes without gRPC until something else is called.
  explicit Channel(util::UniqueFd socket, Dial dial = nullptr);

  v1::Btfd::Stub& stub();

  // The hot call: Call() of AsyncFinalize, or the same at half the price (see
  // unary_connection.h).
  absl::Status Finalize(const v1::FinalizeRequest& request,
                        absl::Duration limit, v1::FinalizeResponse* response);

  // Is anybody there? Blocks for kProbeLimit at most.
  bool Alive();

  // A unary call, `start` being one of the stub's Async methods. The Status is
  // the transport's: DeadlineExceeded as well for a daemon that is not alive.
  template <typename Request, typename Response>
  absl::Status Call(std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (
                        v1::Btfd::Stub::*start)(grpc::ClientContext*,
                                                const Request&,
                                                grpc::CompletionQueue*),
                    const Request& request, absl::Duration limit,
                    Response* response);

 private:
  // Waits for the one tag of `queue`, probing. On return it has come.
  void Await(grpc::CompletionQueue* queue, grpc::ClientContext* context,
             bool* found_dead);

  util::UniqueFd socket_;  // until one of the two that follow has it
  const Dial dial_;
  std::unique_ptr<UnaryConnection> unary_;
  std::unique_ptr<v1::Btfd::Stub> stub_;
};

// gRPC's status as ours; the codes are the same numbers.
absl::Status FromGrpc(const grpc::Status& status);

void SetDeadline(grpc::ClientContext* context, absl::Duration limit);

template <typename Request, typename Response>
absl::Status Channel::Call(
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (
        v1::Btfd::Stub::*start)(grpc::ClientContext*, const Request&,
                                grpc::CompletionQueue*),
    const Request& request, absl::Duration limit, Response* response) {
  grpc::ClientContext context;
  SetDeadline(&context, limit);
  grpc::CompletionQueue queue;
  grpc::Status status;
  auto call = (stub().*start)(&context, request, &queue);
  call->Finish(response, &status, nullptr);
  bool found_dead = false;
  Await(&queue, &context, &found_dead);
  if (found_dead) {
    return absl::DeadlineExceededError("the daemon does not answer");
  }
  return FromGrpc(status);
}

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CHANNEL_H_
