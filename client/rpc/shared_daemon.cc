// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/shared_daemon.h"

#include <utility>

#include "client/cli/environment.h"
#include "client/rpc/connection.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

absl::StatusOr<std::unique_ptr<DirectConnection>> OpenRunningDaemon() {
  ASSIGN_OR_RETURN(util::UniqueFd socket,
                   ConnectSocket(util::RuntimePathsOfProcess()));
  return std::make_unique<DirectConnection>(std::move(socket));
}

absl::StatusOr<std::unique_ptr<DirectConnection>> OpenOrStartDaemon() {
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  ASSIGN_OR_RETURN(
      util::UniqueFd socket,
      ConnectOrStart(paths, Environment::OfProcess().daemon_program));
  BackoffMark::OfFailure(paths).Clear();
  return std::make_unique<DirectConnection>(std::move(socket));
}

}  // namespace btfd::client
