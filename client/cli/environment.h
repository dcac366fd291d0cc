// SPDX-License-Identifier: Apache-2.0
//
// What the environment tells every command.
#ifndef BTFD_CLIENT_CLI_ENVIRONMENT_H_
#define BTFD_CLIENT_CLI_ENVIRONMENT_H_

#include <string>

namespace btfd::client {

struct Environment {
  // BTFD_REQUIRE=1: no work without the shared daemon.
  bool require_daemon = false;
  // BTFD_DISABLE=1: no shared daemon, work by a private one.
  bool disable_daemon = false;
  // BTFD_RESULT_CACHE=0: neither look in the result cache nor fill it.
  bool bypass_result_cache = false;
  std::string daemon_program;    // BTFD_DAEMON
  std::string btfd_profile;      // BTFD_PROFILE
  std::string kernel_version;    // KERNELVERSION, exported by kbuild
  bool external_module = false;  // KBUILD_EXTMOD is set, by kbuild

  static Environment OfProcess();
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_ENVIRONMENT_H_
