// SPDX-License-Identifier: Apache-2.0
//
// A small base and small modules over it, for tests that disturb the daemon and
// its store. Whatever happens, every client must get the bytes that an
// undisturbed daemon gives.
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
  // Finalizes the modules with an undisturbed daemon, to know the right bytes.
  void SetUp() override;

  std::string Original(int module) const;
  std::string Copy() const { return scratch_.file("copy.ko"); }

  // Runs `btfc finalize` on a fresh copy of a module.
  ProcessResult Finalize(
      const PrivateDaemon& daemon, int module,
      const std::vector<std::string>& environment = {}) const;
  // For each of the modules, the client must succeed with the right bytes.
  void FinalizeAll(const PrivateDaemon& daemon, const std::vector<int>& modules,
                   const std::vector<std::string>& environment,
                   const std::string& where) const;

  // A counter of the running daemon since its start.
  static uint64_t Count(const PrivateDaemon& daemon,
                        const std::string& counter);
  // The path of the daemon's socket, lock or log. Their names contain the
  // version of the protocol. Empty if there is no such file.
  static std::string RuntimeFile(const std::string& directory,
                                 const std::string& suffix);

  const ScratchDir scratch_;
  const std::string base_path_ = scratch_.file("vmlinux.btf");
  std::vector<std::string> expected_;  // modules, finalized
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_FIXTURE_H_
