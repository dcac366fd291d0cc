// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C and its like (SIGINT, SIGTERM, SIGHUP) while a batch is under way: the
// batch is asked to stop, tells what it did, and only then the process ends by
// the signal. A second one ends it at once. What was ignored when the process
// started (nohup, a shell's background) stays ignored.
#ifndef BTFD_CLIENT_BATCH_INTERRUPT_H_
#define BTFD_CLIENT_BATCH_INTERRUPT_H_

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

#include "lib/util/file.h"

namespace btfd::client {

// Blocks these signals in the calling thread and in all that it starts: to be
// made before any of them.
class Interrupt {
 public:
  // `stop` is called once, on a thread of its own.
  explicit Interrupt(std::function<void()> stop);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // The signal that came; 0: none.
  int signal() const { return signal_; }
  // Ends the process as that signal would have. All is said before.
  [[noreturn]] void EndBySignal() const;

 private:
  void Watch();

  const std::function<void()> stop_;
  sigset_t watched_;
  sigset_t before_;
  std::atomic<int> signal_{0};
  util::UniqueFd signals_, done_;
  std::thread thread_;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_BATCH_INTERRUPT_H_
