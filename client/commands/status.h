// SPDX-License-Identifier: Apache-2.0
//
// How the daemon's state is shown, to people and to machines.
#ifndef BTFD_CLIENT_COMMANDS_STATUS_H_
#define BTFD_CLIENT_COMMANDS_STATUS_H_

#include <string>

#include "client/cli/json.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// `stands_for` is the pahole that clients here stand for.
std::string StatusAsText(const v1::GetStatusResponse& status,
                         const std::string& stands_for);
std::string StatusAsJson(const v1::GetStatusResponse& status,
                         const std::string& stands_for);

// One base, as a line without newline, or as an object.
std::string BaseLine(const v1::BaseInfo& base);
void AddBase(const v1::BaseInfo& base, JsonWriter* json);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_STATUS_H_
