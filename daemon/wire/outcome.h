// SPDX-License-Identifier: Apache-2.0
//
// The only place that turns errors into Outcomes.
#ifndef BTFD_DAEMON_WIRE_OUTCOME_H_
#define BTFD_DAEMON_WIRE_OUTCOME_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/engine/pipeline.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// An error that contains its outcome, if no status code can express it.
// Precondition: outcome is neither OK nor unspecified.
absl::Status OutcomeError(v1::Outcome outcome, absl::string_view message);

// The outcome of a status. `failed_in` is the part of the input in which the
// engine found a fault; kNone if the error is not the engine's.
v1::Outcome OutcomeOf(const absl::Status& status,
                      engine::FailedIn failed_in = engine::FailedIn::kNone);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_WIRE_OUTCOME_H_
