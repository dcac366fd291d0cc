// SPDX-License-Identifier: Apache-2.0
#include "tests/support/private_daemon.h"

#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/support/json.h"

namespace btfd::tests {

Programs Programs::OfRunfiles() {
  return {std::filesystem::absolute("daemon/btfd").string(),
          std::filesystem::absolute("client/btfc").string(),
          std::filesystem::absolute("client/resolve_btfids").string()};
}

PrivateDaemon::PrivateDaemon(Programs programs)
    : programs_(std::move(programs)) {}

PrivateDaemon::~PrivateDaemon() { Client({"stop"}); }

std::vector<std::string> PrivateDaemon::Environment(
    const std::vector<std::string>& more) const {
  std::vector<std::string> environment = {
      absl::StrCat("BTFD_RUNTIME_DIR=", runtime_directory()),
      absl::StrCat("XDG_CACHE_HOME=", directory_.file("cache")),
      absl::StrCat("XDG_CONFIG_HOME=", directory_.file("config")),
      absl::StrCat("BTFD_SYSTEM_CONFIG_DIR=", directory_.file("etc")),
      absl::StrCat("BTFD_DAEMON=", programs_.btfd),
      "BTFD_REQUIRE=1",
  };
  environment.insert(environment.end(), more.begin(), more.end());
  return environment;
}

ProcessResult PrivateDaemon::Client(
    const std::vector<std::string>& arguments,
    const std::vector<std::string>& more_environment,
    const std::string& input) const {
  std::vector<std::string> argv = {programs_.btfc};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunProcess(argv, {Environment(more_environment), "", input});
}

absl::Status PrivateDaemon::Start() { return Control("start"); }
absl::Status PrivateDaemon::Stop() { return Control("stop"); }

absl::Status PrivateDaemon::Control(const std::string& command) {
  const ProcessResult result = Client({command});
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("btfc ", command, " exits with ",
                                          result.exit_code, ": ", result.err));
}

absl::StatusOr<int> PrivateDaemon::Pid() const {
  const ProcessResult status = Client({"status", "--json"});
  const int pid = static_cast<int>(JsonNumberAt(status.out, "pid"));
  if (pid == 0) return absl::NotFoundError("no daemon: " + status.err);
  return pid;
}

}  // namespace btfd::tests
