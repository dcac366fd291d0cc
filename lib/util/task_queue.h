// SPDX-License-Identifier: Apache-2.0
//
// Threads for work that must not run on the caller's thread: one writes bases
// and indexes to the store; one for each core computes the requests of streams.
#ifndef BTFD_LIB_UTIL_TASK_QUEUE_H_
#define BTFD_LIB_UTIL_TASK_QUEUE_H_

#include <cstdint>
#include <deque>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/util/threads.h"

namespace btfd::util {

// Thread-safe.
class TaskQueue {
 public:
  // A limit of the system may allow fewer threads, or none.
  explicit TaskQueue(uint32_t threads);
  // Drops the tasks that have not begun, and waits for the others.
  ~TaskQueue();

  // Runs later; tasks begin in the order of the calls. If there can be no
  // thread, runs at once, on the caller's.
  void Run(std::function<void()> task);
  // Waits until all tasks are done; false if that takes longer than `limit`.
  bool Finish(absl::Duration limit);

 private:
  void Loop();

  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  uint32_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Threads threads_;  // last: they use the others
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_TASK_QUEUE_H_
