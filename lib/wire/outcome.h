// SPDX-License-Identifier: Apache-2.0
//
// The one place where an error becomes an Outcome, and its text a message.
#ifndef BTFD_LIB_WIRE_OUTCOME_H_
#define BTFD_LIB_WIRE_OUTCOME_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/engine/pipeline.h"
#include "lib/wire/messages.h"

namespace btfd::wire {

// An error that contains its outcome, if no status code can express it.
// Precondition: outcome is neither OK nor unspecified.
absl::Status OutcomeError(v1::Outcome outcome, absl::string_view message);

// The outcome of a status. `failed_in` is the part of the input in which the
// engine found a fault; kNone if the error is not the engine's.
v1::Outcome OutcomeOf(const absl::Status& status,
                      engine::FailedIn failed_in = engine::FailedIn::kNone);

// A text for a string of proto3, which is UTF-8; names of the input may be not.
std::string Readable(absl::string_view text);

}  // namespace btfd::wire

#endif  // BTFD_LIB_WIRE_OUTCOME_H_
