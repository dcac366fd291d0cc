// SPDX-License-Identifier: Apache-2.0
#include "client/cli/environment.h"

#include <stdlib.h>

namespace btfd::client {

Environment Environment::OfProcess() {
  const auto text = [](const char* name) {
    const char* value = getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const auto is_on = [&text](const char* name) {
    const std::string value = text(name);
    return !value.empty() && value != "0";
  };
  Environment environment;
  environment.require_daemon = is_on("BTFD_REQUIRE");
  environment.disable_daemon = is_on("BTFD_DISABLE");
  environment.bypass_result_cache = text("BTFD_RESULT_CACHE") == "0";
  const std::string base_check = text("BTFD_BASE_CHECK");
  environment.base_check = base_check.empty() || base_check == "key"
                               ? BaseCheck::kKey
                               : BaseCheck::kContent;
  environment.daemon_program = text("BTFD_DAEMON");
  environment.btfd_profile = text("BTFD_PROFILE");
  environment.kernel_version = text("KERNELVERSION");
  environment.external_module = !text("KBUILD_EXTMOD").empty();
  return environment;
}

}  // namespace btfd::client
