// SPDX-License-Identifier: Apache-2.0
#include "daemon/stream.h"

#include <thread>
#include <utility>

#include "absl/status/statusor.h"

namespace btfd::daemon {

void FinalizeStream::Serve() {
  std::thread writer([this] { WriteAnswers(); });
  while (true) {
    WaitForRoom();
    auto request = std::make_unique<v1::FinalizeRequest>();
    // False at the client's end of requests, and when the call is cancelled.
    if (!call_->Read(request.get())) break;
    Start(std::move(request));
  }
  {
    absl::MutexLock lock(&mutex_);
    read_all_ = true;
  }
  // Leaves once everything in flight is delivered.
  writer.join();
}

void FinalizeStream::WaitForRoom() {
  const auto room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return in_flight_ < max_in_flight_;
  };
  absl::MutexLock lock(&mutex_, absl::Condition(&room));
  ++in_flight_;
}

void FinalizeStream::Start(std::unique_ptr<v1::FinalizeRequest> request) {
  auto answer = std::make_unique<Answer>();
  absl::StatusOr<Work::Ticket> ticket = finalizer_->Admit(*request, patience_);
  if (!ticket.ok()) {
    finalizer_->Run(*request, ticket.status(), patience_, &answer->response);
    Deliver(std::move(answer));
    return;
  }
  answer->ticket.emplace(*std::move(ticket));
  // std::function wants what can be copied.
  std::shared_ptr<v1::FinalizeRequest> shared = std::move(request);
  auto held = std::make_shared<std::unique_ptr<Answer>>(std::move(answer));
  tasks_->Run([this, shared, held] {
    finalizer_->Run(*shared, absl::OkStatus(), patience_, &(*held)->response);
    Deliver(std::move(*held));
  });
}

void FinalizeStream::Deliver(std::unique_ptr<Answer> answer) {
  absl::MutexLock lock(&mutex_);
  answers_.push_back(std::move(answer));
}

void FinalizeStream::WriteAnswers() {
  // The request being read counts as in flight until there is none.
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
    // After a failed write the client is gone; what is still being computed
    // is waited for all the same, since it uses this object.
    if (reachable) reachable = call_->Write(answer->response);
    answer = nullptr;
    absl::MutexLock lock(&mutex_);
    --in_flight_;
  }
}

}  // namespace btfd::daemon
