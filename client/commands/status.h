// SPDX-License-Identifier: Apache-2.0
//
// Shows the daemon's state, as text for people and as JSON for programs.
#ifndef BTFD_CLIENT_COMMANDS_STATUS_H_
#define BTFD_CLIENT_COMMANDS_STATUS_H_

#include <string>

#include "lib/util/json.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// `stands_for` says for which pahole the clients here stand.
std::string StatusAsText(const v1::GetStatusResponse& status,
                         const std::string& stands_for);
std::string StatusAsJson(const v1::GetStatusResponse& status,
                         const std::string& stands_for);

// One base, as a line without a newline, or as a JSON object.
std::string BaseLine(const v1::BaseInfo& base);
void AddBase(const v1::BaseInfo& base, util::JsonWriter* json);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_STATUS_H_
