// SPDX-License-Identifier: Apache-2.0
#include "client/batch/batch_stream.h"

#include <grpc/support/log.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <thread>

#include "absl/time/clock.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/finalize_client.h"
#include "lib/wire/keep_grpc.h"

namespace btfd::client {

namespace {

// The bytes of requests in flight. A larger request is sent when no other is in
// flight.
constexpr uint64_t kMaxBytesInFlight = uint64_t{12} << 20;
// If a module takes longer than this on average, the whole call is given up.
constexpr absl::Duration kLimitPerModule = absl::Seconds(10);

std::unique_ptr<v1::Btfd::Stub> NewStub(util::UniqueFd socket) {
  wire::KeepGrpc();
  // Errors come back as a status. gRPC must not print on a build's stderr.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return v1::Btfd::NewStub(grpc::CreateCustomInsecureChannelFromFd(
      "btfd", socket.Release(), arguments));
}

void SetDeadline(grpc::ClientContext* context, absl::Duration limit) {
  context->set_deadline(std::chrono::system_clock::now() +
                        absl::ToChronoMilliseconds(limit));
}

// Both use the same numbers.
absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

}  // namespace

BatchStream::BatchStream(util::UniqueFd socket, uint32_t max_in_flight,
                         Trace* trace, Load load, Take take)
    : stub_(NewStub(std::move(socket))),
      max_in_flight_(max_in_flight),
      trace_(trace),
      load_(std::move(load)),
      take_(std::move(take)) {}

bool BatchStream::RoomFor() const {
  return broken_ || leaving_ || in_flight_.empty() ||
         (in_flight_.size() < max_in_flight_ &&
          bytes_in_flight_ < kMaxBytesInFlight);
}

void BatchStream::Send(std::deque<std::string>* waiting) {
  for (uint64_t tag = 1; !waiting->empty(); ++tag) {
    {
      const TraceSpan span(trace_, "wait for room");
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](BatchStream* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mutex_) {
            return self->RoomFor();
          },
          this));
      if (broken_ || leaving_) return;
    }
    const std::string path = std::move(waiting->front());
    waiting->pop_front();
    v1::FinalizeRequest request;
    std::unique_ptr<BatchJob> job = load_(path, &request);
    if (job == nullptr) continue;
    request.set_tag(tag);
    const uint64_t bytes = request.ByteSizeLong();
    const TraceSpan span(trace_, "send", path);
    {
      const absl::MutexLock lock(&mutex_);
      // If nothing was in flight, the time of silence begins here.
      if (in_flight_.empty()) last_sign_of_life_ = absl::Now();
      in_flight_[tag] = {std::move(job), bytes,
                         trace_ == nullptr ? 0 : util::MonotonicNs()};
      bytes_in_flight_ += bytes;
    }
    if (!call_->Write(request)) return;
  }
}

void BatchStream::Receive() {
  v1::FinalizeResponse response;
  const auto read = [&] {
    const TraceSpan span(trace_, "wait for an answer");
    return call_->Read(&response);
  };
  while (read()) {
    InFlight answered;
    const ClassifiedCall call = ClassifyCall(absl::OkStatus(), response);
    {
      const absl::MutexLock lock(&mutex_);
      last_sign_of_life_ = absl::Now();
      const auto found = in_flight_.find(response.tag());
      if (found == in_flight_.end()) continue;
      answered = std::move(found->second);
      in_flight_.erase(found);
      bytes_in_flight_ -= answered.bytes;
      if (call.next_step != NextStep::kAnswered) {
        again_.push_back(answered.job->module.path());
        leaving_ = true;
        continue;
      }
    }
    if (trace_ != nullptr) {
      trace_->AddWaiting("in flight", answered.sent_ns,
                         answered.job->module.path());
    }
    take_(*answered.job, response);
  }
  const absl::MutexLock lock(&mutex_);
  broken_ = true;
}

bool BatchStream::Alive() {
  grpc::ClientContext context;
  SetDeadline(&context, kProbeLimit);
  v1::GreetRequest request;
  v1::GreetResponse response;
  return stub_->Greet(&context, request, &response).ok();
}

void BatchStream::Watch() {
  const absl::MutexLock lock(&mutex_);
  const absl::Condition ended(&broken_);
  while (!mutex_.AwaitWithTimeout(ended, kSilenceLimit)) {
    if (in_flight_.empty() ||
        absl::Now() - last_sign_of_life_ < kSilenceLimit) {
      continue;
    }
    mutex_.Unlock();
    const bool alive = Alive();
    mutex_.Lock();
    if (alive) continue;
    if (absl::Now() - last_sign_of_life_ < kSilenceLimit) continue;
    found_dead_ = true;
    context_.TryCancel();
    return;
  }
}

void BatchStream::Cancel() {
  context_.TryCancel();
  const absl::MutexLock lock(&mutex_);
  leaving_ = true;
}

absl::Status BatchStream::Run(std::deque<std::string>* waiting) {
  SetDeadline(&context_, CallLimit(0) + kLimitPerModule * waiting->size());
  std::thread receiver, watcher;
  {
    const TraceSpan span(trace_, "begin the call");
    call_ = stub_->FinalizeStream(&context_);
    receiver = std::thread([this] { Receive(); });
    watcher = std::thread([this] { Watch(); });
  }
  Send(waiting);
  absl::Status status;
  {
    const TraceSpan span(trace_, "wait for the last answers");
    call_->WritesDone();
    receiver.join();
    watcher.join();
    status = FromGrpc(call_->Finish());
  }

  const absl::MutexLock lock(&mutex_);
  for (auto& [tag, unanswered] : in_flight_) {
    again_.push_back(unanswered.job->module.path());
  }
  waiting->insert(waiting->begin(), again_.begin(), again_.end());
  if (found_dead_) {
    return absl::DeadlineExceededError("the daemon does not answer");
  }
  return status;
}

}  // namespace btfd::client
