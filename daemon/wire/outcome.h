// SPDX-License-Identifier: Apache-2.0
//
// The one place where an error becomes an Outcome.
#ifndef BTFD_DAEMON_WIRE_OUTCOME_H_
#define BTFD_DAEMON_WIRE_OUTCOME_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/engine/pipeline.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// An error that carries its outcome along: for what no status code can tell.
// Precondition: outcome is neither OK nor unspecified.
absl::Status OutcomeError(v1::Outcome outcome, absl::string_view message);

// The outcome of a status. `failed_in` says which part of the input the engine
// found at fault; kNone where it was not the engine.
v1::Outcome OutcomeOf(const absl::Status& status,
                      engine::FailedIn failed_in = engine::FailedIn::kNone);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_WIRE_OUTCOME_H_
