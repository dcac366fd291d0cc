// SPDX-License-Identifier: Apache-2.0
//
// ThreadSanitizer knows pthread's locks. Abseil's locks do not use those, and
// Debian's libabsl is not instrumented. So ThreadSanitizer would report a race
// for everything that an absl::Mutex guards. This library is preloaded. It
// wraps the functions of absl::Mutex that our code calls, and tells
// ThreadSanitizer what they do: a thread that locks a mutex sees all that was
// done before the mutex was unlocked. Abseil may evaluate the conditions of
// Await() on any thread that holds the mutex, also in Unlock(), so reads within
// these calls are not checked.
//
// The declarations are Abseil's own. If one has changed, this file does not
// compile. If our code calls a function that is not wrapped here,
// ThreadSanitizer reports it at once.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "absl/synchronization/mutex.h"

extern "C" {
// Weak, because the shell that starts the test preloads this library, too.
void __tsan_acquire(void* address) __attribute__((weak));
void __tsan_release(void* address) __attribute__((weak));
void AnnotateIgnoreReadsBegin(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreReadsEnd(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreWritesBegin(const char* file, int line)
    __attribute__((weak));
void AnnotateIgnoreWritesEnd(const char* file, int line) __attribute__((weak));
}

namespace {

void Acquire(void* mutex) {
  if (__tsan_acquire != nullptr) __tsan_acquire(mutex);
}
void Release(void* mutex) {
  if (__tsan_release != nullptr) __tsan_release(mutex);
}

// While it lives, ThreadSanitizer ignores what this thread reads and writes.
class Unwatched {
 public:
  Unwatched() {
    if (AnnotateIgnoreReadsBegin == nullptr) return;
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unwatched() {
    if (AnnotateIgnoreReadsBegin == nullptr) return;
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};

// The library's function that ours replaces; both have the name `mangled`.
template <typename Function>
Function Behind(const char* mangled) {
  void* const found = dlsym(RTLD_NEXT, mangled);
  if (found == nullptr) {
    std::fprintf(stderr, "absl_mutex: no %s behind\n", mangled);
    std::abort();
  }
  return reinterpret_cast<Function>(found);
}

}  // namespace

// How Debian's library mangles absl::Mutex.
#define ABSL_MUTEX "_ZN4absl7debian35Mutex"

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static const auto lock = Behind<void (*)(Mutex*)>(ABSL_MUTEX "4LockEv");
  {
    Unwatched unwatched;
    lock(this);
  }
  Acquire(this);
}

void Mutex::Unlock() {
  static const auto unlock = Behind<void (*)(Mutex*)>(ABSL_MUTEX "6UnlockEv");
  Release(this);
  Unwatched unwatched;
  unlock(this);
}

void Mutex::ReaderLock() {
  static const auto lock =
      Behind<void (*)(Mutex*)>(ABSL_MUTEX "10ReaderLockEv");
  {
    Unwatched unwatched;
    lock(this);
  }
  Acquire(this);
}

void Mutex::ReaderUnlock() {
  static const auto unlock =
      Behind<void (*)(Mutex*)>(ABSL_MUTEX "12ReaderUnlockEv");
  Release(this);
  Unwatched unwatched;
  unlock(this);
}

void Mutex::LockWhen(const Condition& condition) {
  static const auto lock = Behind<void (*)(Mutex*, const Condition&)>(
      ABSL_MUTEX "8LockWhenERKNS0_9ConditionE");
  {
    Unwatched unwatched;
    lock(this, condition);
  }
  Acquire(this);
}

void Mutex::Await(const Condition& condition) {
  static const auto await = Behind<void (*)(Mutex*, const Condition&)>(
      ABSL_MUTEX "5AwaitERKNS0_9ConditionE");
  Release(this);
  {
    Unwatched unwatched;
    await(this, condition);
  }
  Acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const auto await =
      Behind<bool (*)(Mutex*, const Condition&, Duration)>(
          ABSL_MUTEX "16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  Release(this);
  bool met;
  {
    Unwatched unwatched;
    met = await(this, condition, timeout);
  }
  Acquire(this);
  return met;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto await = Behind<bool (*)(Mutex*, const Condition&, Time)>(
      ABSL_MUTEX "17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  Release(this);
  bool met;
  {
    Unwatched unwatched;
    met = await(this, condition, deadline);
  }
  Acquire(this);
  return met;
}

ABSL_NAMESPACE_END
}  // namespace absl
