// SPDX-License-Identifier: Apache-2.0
//
// A farm on loopback, of the real programs: daemons that listen with TLS,
// builders that hand their work on to them, certificates made for the test, and
// modules of a real kernel.
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

// A port of 127.0.0.1 that nobody listens at now.
int FreePort();

// Until something is so; it must become so.
void Await(const std::function<bool()>& so, const std::string& what);

// A daemon of its own user directory, set by environment variables.
class FarmDaemon {
 public:
  explicit FarmDaemon(std::vector<std::string> settings)
      : settings_(std::move(settings)) {}

  void Start();
  void Kill(int signal) const;
  // Of the running daemon; 0 if it never counted that.
  uint64_t Count(const std::string& counter) const;
  uint64_t Bases() const;

  // `btfc ARGUMENTS...` beside it.
  ProcessResult Client(const std::vector<std::string>& arguments) const {
    return daemon_.Client(arguments, settings_);
  }
  std::string Log() const {
    return ReadFileOrEmpty(daemon_.runtime_directory() + "/btfd-3.2.log");
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

  // Files of a certificate that `authority` signs.
  void Issue(CertificateAuthority* authority, const std::string& name,
             CertificateSubject subject = {});
  std::string File(const std::string& name) const { return files_.file(name); }

  // A daemon that listens at `port`; `more` settings win.
  std::unique_ptr<FarmDaemon> StartRemote(
      int port, const std::vector<std::string>& more = {}) const;
  // A builder's daemon that hands on to `server`, showing NAME.crt.
  std::unique_ptr<FarmDaemon> StartBuilder(
      const std::string& server, const std::string& certificate = "builder",
      const std::vector<std::string>& more = {}) const;
  static std::string Server(const std::vector<int>& ports);

  // `count` modules of a kernel, small ones, but with BTF enough that no two
  // are alike.
  std::vector<std::string> SmallModules(size_t count) const;
  // What each module is once `daemon`'s client has finalized a copy of it, by
  // file name.
  using Build = std::map<std::string, std::string>;
  Build Finalize(const FarmDaemon& daemon,
                 const std::vector<std::string>& modules) const;
  // The same with nothing remote.
  Build Expected(const std::vector<std::string>& modules) const;

  CertificateAuthority authority_{"the farm's authority"};
  CertificateAuthority stranger_{"another authority"};
  ScratchDir files_;
  Kernel kernel_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FARM_FARM_H_
