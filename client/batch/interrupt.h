// SPDX-License-Identifier: Apache-2.0
//
// Handles Ctrl-C and similar signals (SIGINT, SIGTERM, SIGHUP) during a batch.
// The batch is asked to stop and reports what it did; only then the signal ends
// the process. A second signal ends it at once. A signal that was ignored when
// the process started (nohup, a shell's background) stays ignored.
#ifndef BTFD_CLIENT_BATCH_INTERRUPT_H_
#define BTFD_CLIENT_BATCH_INTERRUPT_H_

#include <signal.h>

#include <atomic>
#include <functional>

#include "lib/util/file.h"
#include "lib/util/threads.h"

namespace btfd::client {

// Blocks these signals in the calling thread and in all threads that it starts
// later. So make this object before you start any thread.
class Interrupt {
 public:
  // `stop` is called once, on a thread of its own.
  explicit Interrupt(std::function<void()> stop);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // If a signal came, ends the process as that would have, once what was
  // printed is out.
  void EndIfInterrupted() const;

 private:
  void Watch();

  const std::function<void()> stop_;
  sigset_t watched_;
  sigset_t before_;
  std::atomic<int> signal_{0};
  util::UniqueFd signals_, done_;
  util::Threads thread_;  // one, unless there can be none
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_BATCH_INTERRUPT_H_
