// SPDX-License-Identifier: Apache-2.0
#include "client/batch/in_threads.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "lib/util/threads.h"

namespace btfd::client {

namespace {

size_t CoresFor(size_t items) {
  return std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()),
                          items);
}

}  // namespace

bool HasRoomForThreads(uint64_t count) {
  constexpr uint64_t kPerThread = uint64_t{72} << 20;
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit;
    if (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur / kPerThread < count) {
      return false;
    }
  }
  return true;
}

void RunInThreads(size_t wanted, const std::function<void()>& run) {
  util::Threads threads;
  while (threads.count() + 1 < wanted &&
         HasRoomForThreads(threads.count() + 2) && threads.Start(run)) {
  }
  run();
}

void ForEachInThreads(std::deque<std::string>* items,
                      absl::FunctionRef<void(const std::string&)> work) {
  absl::Mutex mutex;
  RunInThreads(CoresFor(items->size()), [&] {
    while (true) {
      std::string item;
      {
        const absl::MutexLock lock(&mutex);
        if (items->empty()) return;
        item = std::move(items->front());
        items->pop_front();
      }
      work(item);
    }
  });
}

void ForEachNumberInThreads(size_t count,
                            absl::FunctionRef<void(size_t number)> work) {
  std::atomic<size_t> next{0};
  RunInThreads(CoresFor(count), [&] {
    while (true) {
      const size_t number = next++;
      if (number >= count) return;
      work(number);
    }
  });
}

}  // namespace btfd::client
