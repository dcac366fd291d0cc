// SPDX-License-Identifier: Apache-2.0
#include "client/batch_stream.h"

#include <thread>

#include "absl/time/clock.h"
#include "client/service.h"

namespace btfd::client {

namespace {

// Of requests in flight; one larger than that goes alone.
constexpr uint64_t kMaxBytesInFlight = uint64_t{12} << 20;
// What a module may take on average before the whole call is given up.
constexpr absl::Duration kLimitPerModule = absl::Seconds(10);

}  // namespace

bool BatchStream::RoomFor() const {
  return broken_ || leaving_ || in_flight_.empty() ||
         (in_flight_.size() < max_in_flight_ &&
          bytes_in_flight_ < kMaxBytesInFlight);
}

void BatchStream::Send(std::deque<std::string>* waiting) {
  for (uint64_t tag = 1; !waiting->empty(); ++tag) {
    {
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
    {
      const absl::MutexLock lock(&mutex_);
      // Silence counts from here, if there was nothing to be said before.
      if (in_flight_.empty()) last_sign_of_life_ = absl::Now();
      in_flight_[tag] = {std::move(job), bytes};
      bytes_in_flight_ += bytes;
    }
    if (!call_->Write(request)) return;
  }
}

void BatchStream::Receive() {
  v1::FinalizeResponse response;
  while (call_->Read(&response)) {
    InFlight answered;
    const Judgement judgement = Judge(absl::OkStatus(), response, is_private_);
    {
      const absl::MutexLock lock(&mutex_);
      last_sign_of_life_ = absl::Now();
      const auto found = in_flight_.find(response.tag());
      if (found == in_flight_.end()) continue;
      answered = std::move(found->second);
      in_flight_.erase(found);
      bytes_in_flight_ -= answered.bytes;
      if (judgement.verdict != Verdict::kAnswered) {
        again_.push_back(answered.job->module.path());
        leaving_ = true;
        continue;
      }
    }
    take_(*answered.job, response);
  }
  const absl::MutexLock lock(&mutex_);
  broken_ = true;
}

void BatchStream::Watch() {
  const absl::MutexLock lock(&mutex_);
  const absl::Condition ended(&broken_);
  while (!mutex_.AwaitWithTimeout(ended, kPatience)) {
    if (in_flight_.empty() || absl::Now() - last_sign_of_life_ < kPatience) {
      continue;
    }
    mutex_.Unlock();
    const bool alive = channel_->Alive();
    mutex_.Lock();
    if (alive) continue;
    if (absl::Now() - last_sign_of_life_ < kPatience) continue;
    found_dead_ = true;
    context_.TryCancel();
    return;
  }
}

absl::Status BatchStream::Run(std::deque<std::string>* waiting) {
  SetDeadline(&context_, CallLimit(0) + kLimitPerModule * waiting->size());
  call_ = channel_->stub().FinalizeStream(&context_);
  std::thread receiver([this] { Receive(); });
  std::thread watcher([this] { Watch(); });
  Send(waiting);
  call_->WritesDone();
  receiver.join();
  watcher.join();
  const absl::Status status = FromGrpc(call_->Finish());

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
