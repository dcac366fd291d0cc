// SPDX-License-Identifier: Apache-2.0
#include "daemon/rpc/stream.h"

#include <functional>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "daemon/finalize/trace.h"
#include "daemon/wire/message.h"
#include "lib/util/monotonic.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

absl::Status FinalizeStream::Serve() {
  std::thread writer([this] { WriteAnswers(); });
  absl::Status status;
  while (status.ok()) {
    WaitForRoom();
    grpc::ByteBuffer raw;
    // False when the client has sent all its requests, and when the call is
    // cancelled.
    if (!call_->Read(&raw)) break;
    status = Start(std::move(raw));
  }
  {
    absl::MutexLock lock(&mutex_);
    read_all_ = true;
  }
  // The writer ends once all requests in flight are answered.
  writer.join();
  return status;
}

void FinalizeStream::WaitForRoom() {
  const auto room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return in_flight_ < limits_.requests && bytes_ < limits_.bytes;
  };
  absl::MutexLock lock(&mutex_, absl::Condition(&room));
  ++in_flight_;
}

absl::Status FinalizeStream::Start(grpc::ByteBuffer raw) {
  auto answer = std::make_unique<Answer>();
  // std::function needs a copyable object.
  auto request = std::make_shared<v1::FinalizeRequest>();
  ASSIGN_OR_RETURN(const MessageSize size, MeasureMessage(&raw, *request));
  answer->cost = size.Cost();
  {
    absl::MutexLock lock(&mutex_);
    bytes_ += answer->cost;
  }
  // Whether the request is traced is not known before it is parsed.
  const int64_t arrived_ns = util::MonotonicNs();
  absl::StatusOr<AdmissionControl::Ticket> ticket =
      finalizer_->Admit(size, call_deadline_);
  const int64_t admitted_ns = util::MonotonicNs();
  if (!ticket.ok()) {
    finalizer_->Refuse(size, ticket.status(), &answer->response);
    Deliver(std::move(answer));
    return absl::OkStatus();
  }
  answer->ticket.emplace(*std::move(ticket));
  RETURN_IF_ERROR(ParseMessage(&raw, request.get()));
  raw.Clear();
  if (request->trace()) {
    answer->arrived_ns = arrived_ns;
    answer->admitted_ns = admitted_ns;
    answer->reader_thread = util::ThreadNumber();
  }
  auto held = std::make_shared<std::unique_ptr<Answer>>(std::move(answer));
  tasks_->Run([this, request, held] {
    const int64_t begun_ns = request->trace() ? util::MonotonicNs() : 0;
    finalizer_->Start(
        request, call_deadline_, &(*held)->response,
        [this](std::function<void()> rest) { tasks_->Run(std::move(rest)); },
        [this, held, begun_ns] {
          AddWaiting(begun_ns, held->get());
          Deliver(std::move(*held));
        });
  });
  return absl::OkStatus();
}

void FinalizeStream::AddWaiting(int64_t begun_ns, Answer* answer) {
  if (answer->arrived_ns == 0) return;
  AddSpan("wait for room", answer->arrived_ns, answer->admitted_ns,
          answer->reader_thread, &answer->response);
  AddSpan("wait for a thread", answer->admitted_ns, begun_ns, 0,
          &answer->response);
}

void FinalizeStream::Deliver(std::unique_ptr<Answer> answer) {
  absl::MutexLock lock(&mutex_);
  answers_.push_back(std::move(answer));
}

void FinalizeStream::WriteAnswers() {
  // in_flight_ also counts the request that is being read. So 1 means that no
  // answer is missing.
  const auto something = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !answers_.empty() || (read_all_ && in_flight_ == 1);
  };
  bool reachable = true;
  while (true) {
    std::unique_ptr<Answer> answer;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(&something));
      if (answers_.empty()) return;
      answer = std::move(answers_.front());
      answers_.pop_front();
    }
    // After a failed write the client is gone. Requests that are still computed
    // are waited for, because they use this object.
    if (reachable) reachable = call_->Write(answer->response);
    const uint64_t cost = answer->cost;
    answer = nullptr;
    absl::MutexLock lock(&mutex_);
    --in_flight_;
    bytes_ -= cost;
  }
}

}  // namespace btfd::daemon
