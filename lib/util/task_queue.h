// SPDX-License-Identifier: Apache-2.0
//
// Threads for work that must not run on the caller's thread: one writes bases
// and indexes to the store; one for each core computes the requests of streams.
#ifndef BTFD_LIB_UTIL_TASK_QUEUE_H_
#define BTFD_LIB_UTIL_TASK_QUEUE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace btfd::util {

// Thread-safe.
class TaskQueue {
 public:
  explicit TaskQueue(uint32_t threads);
  // Drops the tasks that have not begun, and waits for the others.
  ~TaskQueue();

  // Runs later; tasks begin in the order of the calls.
  void Run(std::function<void()> task);
  // Waits until all tasks are done; false if that takes longer than `limit`.
  bool Finish(absl::Duration limit);

 private:
  void Loop();

  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  uint32_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;  // last: they use the others
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_TASK_QUEUE_H_
