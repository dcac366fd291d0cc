// SPDX-License-Identifier: Apache-2.0
//
// A slow line between two network namespaces, for tools/farm-check on kernels
// without sch_netem. There is a TAP device in each namespace. A frame that
// enters one device waits until the line is free, takes its time at the given
// rate, and leaves the other device after the delay. If the queue is too long,
// a frame is dropped, as in a router.
//
//   slow_link NAMESPACE NAMESPACE DEVICE DELAY_MS MBIT_PER_SECOND
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLongestQueue = 1000;  // frames
constexpr size_t kLongestFrame = 2048;

// Opens the device in a namespace of `ip netns`; -1 if that fails.
int OpenTap(const std::string& network, const std::string& device) {
  const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  const int there =
      open(("/run/netns/" + network).c_str(), O_RDONLY | O_CLOEXEC);
  if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0) return -1;
  const int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  const bool made = tap >= 0 && ioctl(tap, TUNSETIFF, &request) == 0;
  const bool back = setns(home, CLONE_NEWNET) == 0;
  close(there);
  close(home);
  return made && back ? tap : -1;
}

struct Frame {
  Clock::time_point due;
  std::string bytes;
};

// Carries frames in one direction and never returns.
void Carry(int from, int to, Clock::duration delay, double bits_per_second) {
  std::deque<Frame> on_the_way;
  Clock::time_point free_at = Clock::now();
  char buffer[kLongestFrame];
  while (true) {
    timespec wait{1, 0};
    if (!on_the_way.empty()) {
      const auto left = std::max(on_the_way.front().due - Clock::now(),
                                 Clock::duration::zero());
      wait = {0, std::chrono::nanoseconds(left).count()};
    }
    pollfd readable{from, POLLIN, 0};
    ppoll(&readable, 1, &wait, nullptr);
    const Clock::time_point now = Clock::now();
    ssize_t size;
    while ((size = read(from, buffer, sizeof(buffer))) > 0) {
      if (on_the_way.size() >= kLongestQueue) continue;
      const std::chrono::duration<double> sending(8.0 * size / bits_per_second);
      free_at = std::max(free_at, now) +
                std::chrono::duration_cast<Clock::duration>(sending);
      on_the_way.push_back({free_at + delay, std::string(buffer, size)});
    }
    while (!on_the_way.empty() && on_the_way.front().due <= now) {
      const std::string& bytes = on_the_way.front().bytes;
      // A device that is down takes no frames; they are lost.
      if (write(to, bytes.data(), bytes.size()) < 0) {
      }
      on_the_way.pop_front();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  double delay_ms, mbit;
  if (argc != 6 || !absl::SimpleAtod(argv[4], &delay_ms) ||
      !absl::SimpleAtod(argv[5], &mbit) || mbit <= 0) {
    fprintf(stderr,
            "usage: slow_link NAMESPACE NAMESPACE DEVICE DELAY_MS MBIT\n");
    return 2;
  }
  const int one = OpenTap(argv[1], argv[3]);
  const int two = OpenTap(argv[2], argv[3]);
  if (one < 0 || two < 0) {
    fprintf(stderr, "slow_link: cannot make TAP devices: %s\n",
            strerror(errno));
    return 1;
  }
  puts("up");
  fflush(stdout);
  const auto delay = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double, std::milli>(delay_ms));
  std::thread back(Carry, two, one, delay, mbit * 1e6);
  Carry(one, two, delay, mbit * 1e6);
}
