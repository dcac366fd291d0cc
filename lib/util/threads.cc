// SPDX-License-Identifier: Apache-2.0
#include "lib/util/threads.h"

#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

namespace btfd::util {

namespace {

void* Run(void* argument) {
  const std::unique_ptr<std::function<void()>> work(
      static_cast<std::function<void()>*>(argument));
  (*work)();
  return nullptr;
}

void* Wait(void* mutex) {
  const std::lock_guard<std::mutex> lock(*static_cast<std::mutex*>(mutex));
  return nullptr;
}

}  // namespace

bool Threads::Start(std::function<void()> work) {
  std::unique_ptr<std::function<void()>> owned;
  try {
    threads_.reserve(threads_.size() + 1);
    owned = std::make_unique<std::function<void()>>(std::move(work));
  } catch (const std::bad_alloc&) {
    return false;
  }
  pthread_t thread;
  if (pthread_create(&thread, nullptr, Run, owned.get()) != 0) return false;
  owned.release();  // Run() has it
  threads_.push_back(thread);
  return true;
}

void Threads::Join() {
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
  threads_.clear();
}

absl::Status TryThreads(int count) {
  // The last thread may have taken the last of the memory: nothing here may
  // allocate any, so absl::Mutex will not do.
  std::vector<pthread_t> threads(count);
  std::mutex held;
  int started = 0;
  {
    const std::lock_guard<std::mutex> lock(held);
    while (started < count &&
           pthread_create(&threads[started], nullptr, Wait, &held) == 0) {
      ++started;
    }
  }
  for (int i = 0; i < started; ++i) pthread_join(threads[i], nullptr);
  if (started == count) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "only ", started, " of ", count,
      " threads can be started here; is there a limit on processes (ulimit -u) "
      "or memory (ulimit -v)?"));
}

}  // namespace btfd::util
