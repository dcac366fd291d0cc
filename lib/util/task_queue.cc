// SPDX-License-Identifier: Apache-2.0
#include "lib/util/task_queue.h"

#include <utility>

namespace btfd::util {

TaskQueue::TaskQueue(uint32_t threads) {
  while (threads_.count() < threads && threads_.Start([this] { Loop(); })) {
  }
}

TaskQueue::~TaskQueue() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  threads_.Join();
}

void TaskQueue::Run(std::function<void()> task) {
  if (threads_.count() == 0) return task();
  absl::MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
}

bool TaskQueue::Finish(absl::Duration limit) {
  const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return tasks_.empty() && running_ == 0;
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&done), limit);
}

void TaskQueue::Loop() {
  const auto awake = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !tasks_.empty();
  };
  while (true) {
    std::function<void()> task;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(&awake));
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      ++running_;
    }
    task();
    // What the task holds (a base, say) is let go before it counts as done.
    task = nullptr;
    absl::MutexLock lock(&mutex_);
    --running_;
  }
}

}  // namespace btfd::util
