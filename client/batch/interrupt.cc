// SPDX-License-Identifier: Apache-2.0
#include "client/batch/interrupt.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace btfd::client {

namespace {

// Ends the process by the signal, even if the signal is blocked.
[[noreturn]] void DieOf(int number) {
  ::signal(number, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  kill(getpid(), number);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  _exit(128 + number);  // not reached: it was pending
}

}  // namespace

Interrupt::Interrupt(std::function<void()> stop)
    : stop_(std::move(stop)), done_(eventfd(0, EFD_CLOEXEC)) {
  sigemptyset(&watched_);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now;
    if (sigaction(number, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) {
      sigaddset(&watched_, number);
    }
  }
  pthread_sigmask(SIG_BLOCK, &watched_, &before_);
  signals_ = util::UniqueFd(signalfd(-1, &watched_, SFD_CLOEXEC));
  // If nobody can listen, a signal ends the process as it always does.
  if (!done_ || !signals_ || !thread_.Start([this] { Watch(); })) {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
}

Interrupt::~Interrupt() {
  if (thread_.count() == 0) return;
  const uint64_t one = 1;
  // Writing to the eventfd succeeds at once, and wakes Watch().
  if (write(done_.get(), &one, sizeof(one)) == sizeof(one)) thread_.Join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupt::Watch() {
  for (;;) {
    pollfd events[] = {{signals_.get(), POLLIN, 0}, {done_.get(), POLLIN, 0}};
    if (poll(events, 2, /*timeout=*/-1) < 0) continue;
    if (events[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signals_.get(), &info, sizeof(info)) != sizeof(info)) continue;
    const int number = static_cast<int>(info.ssi_signo);
    if (signal_ != 0) DieOf(number);
    signal_ = number;
    stop_();
  }
}

void Interrupt::EndIfInterrupted() const {
  if (signal_ == 0) return;
  fflush(nullptr);
  DieOf(signal_);
}

}  // namespace btfd::client
