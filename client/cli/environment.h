// SPDX-License-Identifier: Apache-2.0
//
// What every command reads: the settings (settings.h), by environment variable
// or file, and what kbuild exports.
#ifndef BTFD_CLIENT_CLI_ENVIRONMENT_H_
#define BTFD_CLIENT_CLI_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "client/cli/settings.h"

namespace btfd::client {

// How the client finds out whether the daemon knows a base.
enum class BaseCheck {
  kKey,      // by a file key, if there is one (client/request/file_key.h)
  kContent,  // always by a hash of the whole base
};

struct Environment {
  // BTFD_REQUIRE=1: fail if the shared daemon cannot be used.
  bool require_daemon = false;
  // BTFD_DISABLE=1: no daemon, the client does the work itself.
  bool disable_daemon = false;
  // BTFD_RESULT_CACHE=0: neither look in the result cache nor fill it.
  bool bypass_result_cache = false;
  // BTFD_BASE_CHECK: kContent if it is set to anything but "key".
  BaseCheck base_check = BaseCheck::kKey;
  std::string daemon_program;    // BTFD_DAEMON
  std::string btfd_profile;      // BTFD_PROFILE
  std::string kernel_version;    // KERNELVERSION, exported by kbuild
  bool external_module = false;  // KBUILD_EXTMOD is set, by kbuild

  // What is wrong with the configuration files.
  std::vector<std::string> complaints;

  static Environment OfProcess() { return Of(Settings::OfProcess()); }
  static Environment Of(const Settings& settings);
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_ENVIRONMENT_H_
