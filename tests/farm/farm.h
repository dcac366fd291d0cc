// SPDX-License-Identifier: Apache-2.0
//
// A farm on loopback, made of the real programs: remote daemons that listen
// with TLS, builders' daemons that forward requests to them, certificates for
// the test, and modules of a real kernel.
#ifndef BTFD_TESTS_FARM_FARM_H_
#define BTFD_TESTS_FARM_FARM_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {

// A port of 127.0.0.1 on which nobody listens now.
int FreePort();

// Waits until `so` is true; fails the test if that takes too long.
void Await(const std::function<bool()>& so, const std::string& what);

// A daemon with directories of its own, set by environment variables.
class FarmDaemon {
 public:
  explicit FarmDaemon(std::vector<std::string> settings)
      : settings_(std::move(settings)) {}

  void Start();
  void Kill(int signal) const;
  // A counter of the running daemon; 0 if it does not have it.
  uint64_t Count(const std::string& counter) const;
  uint64_t Bases() const;

  // Runs `btfc ARGUMENTS...` with this daemon.
  ProcessResult Client(const std::vector<std::string>& arguments) const {
    return daemon_.Client(arguments, settings_);
  }
  std::string Log() const {
    return ReadFileOrEmpty(daemon_.runtime_directory() + "/btfd-4.2.log");
  }

 private:
  std::vector<std::string> settings_;
  PrivateDaemon daemon_{Programs::OfRunfiles()};
  int pid_ = 0;
};

class FarmTest : public ::testing::Test {
 protected:
  FarmTest();
  void SetUp() override;
  void TearDown() override;

  // Writes the files of a certificate that `authority` signs.
  void Issue(CertificateAuthority* authority, const std::string& name,
             CertificateSubject subject = {});
  std::string File(const std::string& name) const { return files_.file(name); }

  // Starts a daemon that listens at `port`. Settings in `more` override the
  // others.
  std::unique_ptr<FarmDaemon> StartRemote(
      int port, const std::vector<std::string>& more = {}) const;
  // Starts a builder's daemon that forwards to `server` and shows NAME.crt.
  std::unique_ptr<FarmDaemon> StartBuilder(
      const std::string& server, const std::string& certificate = "builder",
      const std::vector<std::string>& more = {}) const;
  static std::string Server(const std::vector<int>& ports);

  // `count` small modules of a kernel, with enough BTF that no two are alike.
  std::vector<std::string> SmallModules(size_t count) const;
  // The finalized modules, by file name. `daemon`'s client finalizes copies of
  // them.
  using Build = std::map<std::string, std::string>;
  Build Finalize(const FarmDaemon& daemon,
                 const std::vector<std::string>& modules) const;
  // The same without any remote daemon.
  Build Expected(const std::vector<std::string>& modules) const;

  CertificateAuthority authority_{"the farm's authority"};
  CertificateAuthority stranger_{"another authority"};
  ScratchDir files_;
  Kernel kernel_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FARM_FARM_H_
