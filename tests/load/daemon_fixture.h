// SPDX-License-Identifier: Apache-2.0
//
// The real daemon under a load of the test's making, and what it takes of the
// machine meanwhile.
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
  uint64_t peak = 0;      // the most that ever was resident
  int threads = 0;
  int descriptors = 0;
  int sockets = 0;  // among them
};
Footprint FootprintOf(int pid);

constexpr uint64_t MiB(uint64_t n) { return n << 20; }
// What to add to any bound of a daemon's memory: AddressSanitizer holds back
// what was freed, and puts a fence around what was not.
#ifdef __SANITIZE_ADDRESS__
inline constexpr uint64_t kSanitizerMemory = MiB(1024);
#else
inline constexpr uint64_t kSanitizerMemory = 0;
#endif
// "12.3 MiB", for prints.
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

  // All bases of a workload are the daemon's afterwards.
  void SendBases(const Workload& workload) const;
  // Asks for it and compares with the reference.
  void ExpectRight(const Case& asked, DaemonClient* client,
                   bool bypass_cache = true) const;

  // Until something is so; it must become so within that time.
  static void Await(const std::function<bool()>& so, absl::string_view what,
                    absl::Duration limit = absl::Seconds(60));
  // The same daemon as at the start, with nothing in flight and no more than
  // `slack` bytes above `before`; a right answer is had.
  void ExpectUnharmed(const Case& asked, const Footprint& before,
                      uint64_t slack) const;

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  int pid_ = 0;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_LOAD_DAEMON_FIXTURE_H_
