// SPDX-License-Identifier: Apache-2.0
//
// Threads where a limit (ulimit -u, ulimit -v, a container) may allow fewer
// than asked for, or none. std::thread ends the process there; these say so.
#ifndef BTFD_LIB_UTIL_THREADS_H_
#define BTFD_LIB_UTIL_THREADS_H_

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/status.h"

namespace btfd::util {

// One thread uses it.
class Threads {
 public:
  Threads() = default;
  ~Threads() { Join(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  // Runs `work` on a thread of its own. False if the system allows no further
  // thread; `work` is not run then.
  bool Start(std::function<void()> work);
  size_t count() const { return threads_.size(); }
  // Waits until all of them have ended.
  void Join();

 private:
  std::vector<pthread_t> threads_;
};

// Starts that many threads at once and ends them: for code that does not
// survive a lack of threads, such as gRPC. ResourceExhausted says how many
// there can be.
absl::Status TryThreads(int count);

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_THREADS_H_
