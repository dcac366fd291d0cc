// SPDX-License-Identifier: Apache-2.0
#include "lib/util/threads.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/util/task_queue.h"

namespace btfd::util {
namespace {

using ::testing::HasSubstr;

// Runs `test` in a child process that has room for a few stacks of 8 MiB.
void WithLittleMemory(const std::function<void()>& test) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit little = {uint64_t{100} << 20, uint64_t{100} << 20};
    setrlimit(RLIMIT_AS, &little);
    test();
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Threads, EachRunsItsWorkAndIsWaitedFor) {
  std::atomic<int> sum = 0;
  Threads threads;
  for (int i = 1; i <= 4; ++i) {
    ASSERT_TRUE(threads.Start([&sum, i] { sum += i; }));
  }
  EXPECT_EQ(threads.count(), 4u);
  threads.Join();
  EXPECT_EQ(sum, 10);
  EXPECT_EQ(threads.count(), 0u);
}

TEST(Threads, WhereThereCanBeNoMoreThatIsSaid) {
  WithLittleMemory([] {
    std::mutex held;
    held.lock();
    std::atomic<size_t> ran = 0;
    Threads threads;
    size_t started = 0;
    while (started < 64 && threads.Start([&] {
      const std::lock_guard<std::mutex> lock(held);
      ++ran;
    })) {
      ++started;
    }
    held.unlock();
    EXPECT_EQ(threads.count(), started);
    threads.Join();
    EXPECT_LT(started, 64u);
    EXPECT_EQ(ran, started);
  });
}

TEST(TaskQueue, WithoutThreadsTasksRunAtOnce) {
  pthread_attr_t before, large;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  ASSERT_EQ(pthread_attr_init(&large), 0);
  // No machine has room for such a stack.
  ASSERT_EQ(pthread_attr_setstacksize(&large, size_t{1} << 47), 0);
  ASSERT_EQ(pthread_setattr_default_np(&large), 0);
  TaskQueue queue(2);
  int ran = 0;
  queue.Run([&ran] { ++ran; });
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(queue.Finish(absl::ZeroDuration()));
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
}

TEST(TryThreads, ThoseThatThereCanBeAreFound) {
  EXPECT_TRUE(TryThreads(0).ok());
  EXPECT_TRUE(TryThreads(20).ok());
}

TEST(TryThreads, TooFewAreAnErrorThatSaysHowMany) {
  WithLittleMemory([] {
    const absl::Status tried = TryThreads(64);
    EXPECT_TRUE(absl::IsResourceExhausted(tried)) << tried;
    EXPECT_THAT(std::string(tried.message()),
                HasSubstr(" of 64 threads can be started here"));
  });
}

}  // namespace
}  // namespace btfd::util
