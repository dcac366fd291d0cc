// SPDX-License-Identifier: Apache-2.0
//
// A small base and small modules over it, for tests that do to the daemon and
// its store what should not happen: whatever it is, every client gets the bytes
// that an unharmed daemon gives.
#ifndef BTFD_TESTS_FAULTS_FIXTURE_H_
#define BTFD_TESTS_FAULTS_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {

class DaemonFaults : public ::testing::Test {
 protected:
  static constexpr int kModules = 12;

  DaemonFaults();
  // Learns what is right.
  void SetUp() override;

  std::string Original(int module) const;
  std::string Copy() const { return scratch_.file("copy.ko"); }

  // `btfc finalize` of a fresh copy of a module.
  ProcessResult Finalize(
      const PrivateDaemon& daemon, int module,
      const std::vector<std::string>& environment = {}) const;
  // The client succeeds, and the bytes are right; for each of the modules.
  void FinalizeAll(const PrivateDaemon& daemon, const std::vector<int>& modules,
                   const std::vector<std::string>& environment,
                   const std::string& where) const;

  // A counter of the running daemon, since it started.
  static uint64_t Count(const PrivateDaemon& daemon,
                        const std::string& counter);
  // The daemon's socket, lock or log, which have the protocol's number in their
  // names; empty where there is none.
  static std::string RuntimeFile(const std::string& directory,
                                 const std::string& suffix);

  const ScratchDir scratch_;
  const std::string base_path_ = scratch_.file("vmlinux.btf");
  std::vector<std::string> expected_;  // modules, finalized
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_FIXTURE_H_
