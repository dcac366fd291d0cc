// SPDX-License-Identifier: Apache-2.0
#include "client/channel.h"

#include <grpc/support/log.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/support/channel_arguments.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace btfd::client {

namespace {

std::chrono::system_clock::time_point In(absl::Duration duration) {
  return std::chrono::system_clock::now() +
         absl::ToChronoMilliseconds(duration);
}

}  // namespace

absl::Duration CallLimit(uint64_t bytes) {
  return absl::Seconds(30) + absl::Seconds(10) * (bytes / 1e6);
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

void SetDeadline(grpc::ClientContext* context, absl::Duration limit) {
  context->set_deadline(In(limit));
}

Channel::Channel(util::UniqueFd socket, Dial dial)
    : socket_(std::move(socket)), dial_(std::move(dial)) {}

v1::Btfd::Stub& Channel::stub() {
  if (stub_ != nullptr) return *stub_;
  unary_.reset();
  if (!socket_) {
    absl::StatusOr<util::UniqueFd> another = dial_();
    if (another.ok()) {
      socket_ = std::move(*another);
    } else {
      // One whose peer is gone: calls say so.
      int pair[2] = {-1, -1};
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                     pair) == 0) {
        close(pair[1]);
        socket_ = util::UniqueFd(pair[0]);
      }
    }
  }
  // What goes wrong comes back as a status; nothing is to reach a build's
  // stderr past us.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  stub_ = v1::Btfd::NewStub(grpc::CreateCustomInsecureChannelFromFd(
      "btfd", socket_.Release(), arguments));
  return *stub_;
}

absl::Status Channel::Finalize(const v1::FinalizeRequest& request,
                               absl::Duration limit,
                               v1::FinalizeResponse* response) {
  if (dial_ == nullptr || stub_ != nullptr) {
    return Call(&v1::Btfd::Stub::AsyncFinalize, request, limit, response);
  }
  if (unary_ == nullptr) {
    unary_ = std::make_unique<UnaryConnection>(std::move(socket_));
  }
  return unary_->Call("/btfd.v1.Btfd/Finalize", request,
                      {limit, kPatience, kProbeLimit}, response);
}

bool Channel::Alive() {
  grpc::ClientContext context;
  SetDeadline(&context, kProbeLimit);
  v1::GreetRequest request;
  v1::GreetResponse response;
  return stub().Greet(&context, request, &response).ok();
}

void Channel::Await(grpc::CompletionQueue* queue, grpc::ClientContext* context,
                    bool* found_dead) {
  void* tag = nullptr;
  bool ok = false;
  while (queue->AsyncNext(&tag, &ok, In(kPatience)) ==
         grpc::CompletionQueue::TIMEOUT) {
    if (Alive()) continue;
    // It may have answered while it was asked.
    if (queue->AsyncNext(&tag, &ok, In(absl::ZeroDuration())) ==
        grpc::CompletionQueue::GOT_EVENT) {
      return;
    }
    *found_dead = true;
    context->TryCancel();
    queue->Next(&tag, &ok);
    return;
  }
}

}  // namespace btfd::client
