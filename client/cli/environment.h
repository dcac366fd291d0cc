// SPDX-License-Identifier: Apache-2.0
//
// What the environment tells every command.
#ifndef BTFD_CLIENT_CLI_ENVIRONMENT_H_
#define BTFD_CLIENT_CLI_ENVIRONMENT_H_

#include <string>

namespace btfd::client {

// How it is told whether a base is one that the daemon knows.
enum class BaseCheck {
  kKey,      // by a file key, where that can tell (client/request/file_key.h)
  kContent,  // by a hash of all of it, always
};

struct Environment {
  // BTFD_REQUIRE=1: no work without the shared daemon.
  bool require_daemon = false;
  // BTFD_DISABLE=1: no shared daemon, work by a private one.
  bool disable_daemon = false;
  // BTFD_RESULT_CACHE=0: neither look in the result cache nor fill it.
  bool bypass_result_cache = false;
  // BTFD_BASE_CHECK=content, or anything else that is not "key".
  BaseCheck base_check = BaseCheck::kKey;
  std::string daemon_program;    // BTFD_DAEMON
  std::string btfd_profile;      // BTFD_PROFILE
  std::string kernel_version;    // KERNELVERSION, exported by kbuild
  bool external_module = false;  // KBUILD_EXTMOD is set, by kbuild

  static Environment OfProcess();
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_ENVIRONMENT_H_
