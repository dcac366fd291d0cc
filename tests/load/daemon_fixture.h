// SPDX-License-Identifier: Apache-2.0
//
// Runs the real daemon under load, and measures its memory, descriptors and
// threads.
#ifndef BTFD_TESTS_LOAD_DAEMON_FIXTURE_H_
#define BTFD_TESTS_LOAD_DAEMON_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/btfd.pb.h"
#include "tests/load/workload.h"
#include "tests/support/daemon_client.h"
#include "tests/support/private_daemon.h"

namespace btfd::tests {

// What a process holds.
struct Footprint {
  uint64_t resident = 0;  // bytes
  uint64_t peak = 0;      // the highest value of resident
  int threads = 0;
  int descriptors = 0;
  int sockets = 0;  // of the descriptors
};
Footprint FootprintOf(int pid);

constexpr uint64_t MiB(uint64_t n) { return n << 20; }
// Must be added to every bound of the daemon's memory: AddressSanitizer keeps
// freed memory for a while, and adds redzones to the rest.
#ifdef __SANITIZE_ADDRESS__
inline constexpr uint64_t kSanitizerMemory = MiB(1024);
#else
inline constexpr uint64_t kSanitizerMemory = 0;
#endif
// Returns for example "12.3 MiB", for messages.
std::string InMiB(uint64_t bytes);

class DaemonTest : public ::testing::Test {
 protected:
  // `options` as in daemon/README.md: "max_connections=16".
  void Start(const std::vector<std::string>& options = {});
  void Stop() { ASSERT_TRUE(daemon_.Stop().ok()); }

  util::UniqueFd RawConnect() const;
  std::unique_ptr<DaemonClient> Connect() const;
  v1::GetStatusResponse Status() const;
  uint64_t Counter(absl::string_view name) const;
  Footprint Now() const { return FootprintOf(pid_); }

  // Sends all bases of a workload to the daemon.
  void SendBases(const Workload& workload) const;
  // Sends the case's request and compares the answer with the expected one.
  void ExpectRight(const Case& asked, DaemonClient* client,
                   bool bypass_cache = true) const;

  // Waits until `so` is true; fails the test if that takes longer.
  static void Await(const std::function<bool()>& so, absl::string_view what,
                    absl::Duration limit = absl::Seconds(60));
  // Expects that the same process runs as at the start, with nothing in flight,
  // at most `slack` bytes more memory than `before`, and gives a right answer.
  void ExpectUnharmed(const Case& asked, const Footprint& before,
                      uint64_t slack) const;

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  int pid_ = 0;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_LOAD_DAEMON_FIXTURE_H_
