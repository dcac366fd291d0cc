// SPDX-License-Identifier: Apache-2.0
#include "lib/util/inherited.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace btfd::util {

void OpenStandardStreams() {
  // One call for all three, since it is made in every process.
  pollfd streams[3] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
  if (poll(streams, 3, /*timeout=*/0) <= 0) return;
  for (const pollfd& stream : streams) {
    if ((stream.revents & POLLNVAL) == 0) continue;
    // The lowest free number is this one. Without /dev, any file that cannot be
    // written to keeps the number from others.
    if (open("/dev/null", O_RDWR | O_NOCTTY) < 0) open("/", O_RDONLY);
  }
}

void KeepStatusOfChildren() {
  struct sigaction now;
  if (sigaction(SIGCHLD, nullptr, &now) != 0) return;
  const bool lost =
      now.sa_handler == SIG_IGN || (now.sa_flags & SA_NOCLDWAIT) != 0;
  if (lost) signal(SIGCHLD, SIG_DFL);
}

}  // namespace btfd::util
