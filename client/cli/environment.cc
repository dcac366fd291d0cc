// SPDX-License-Identifier: Apache-2.0
#include "client/cli/environment.h"

#include <stdlib.h>

namespace btfd::client {

Environment Environment::Of(const Settings& settings) {
  const auto of_kbuild = [](const char* name) {
    const char* value = getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  Environment environment;
  environment.require_daemon = settings.IsOn("require", false);
  environment.disable_daemon = settings.IsOn("disable", false);
  environment.bypass_result_cache = !settings.IsOn("result_cache", true);
  const std::string base_check = settings.Text("base_check");
  environment.base_check = base_check.empty() || base_check == "key"
                               ? BaseCheck::kKey
                               : BaseCheck::kContent;
  environment.daemon_program = settings.Text("daemon");
  environment.btfd_profile = settings.Text("profile");
  environment.kernel_version = of_kbuild("KERNELVERSION");
  environment.external_module = !of_kbuild("KBUILD_EXTMOD").empty();
  environment.complaints = settings.complaints();
  return environment;
}

}  // namespace btfd::client
