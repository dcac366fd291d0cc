// SPDX-License-Identifier: Apache-2.0
#include "lib/wire/outcome.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace btfd::wire {

namespace {

constexpr char kOutcomePayload[] = "btfd.v1.Outcome";

v1::Outcome DefectOf(engine::FailedIn failed_in) {
  switch (failed_in) {
    case engine::FailedIn::kBase:
      return v1::BAD_BASE;
    case engine::FailedIn::kBtf:
    case engine::FailedIn::kDistilledBase:
      return v1::BAD_BTF;
    case engine::FailedIn::kIds:
      return v1::BAD_IDS;
    case engine::FailedIn::kInterning:
      return v1::ENCODING_UNCERTAIN;
    case engine::FailedIn::kNone:
      break;
  }
  return v1::BAD_REQUEST;
}

}  // namespace

absl::Status OutcomeError(v1::Outcome outcome, absl::string_view message) {
  absl::Status status(absl::StatusCode::kUnknown, message);
  status.SetPayload(kOutcomePayload, absl::Cord(absl::StrCat(outcome)));
  return status;
}

v1::Outcome OutcomeOf(const absl::Status& status, engine::FailedIn failed_in) {
  if (status.ok()) return v1::OK;
  const absl::optional<absl::Cord> payload = status.GetPayload(kOutcomePayload);
  int outcome;
  if (payload.has_value() &&
      absl::SimpleAtoi(std::string(*payload), &outcome)) {
    return static_cast<v1::Outcome>(outcome);
  }
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return DefectOf(failed_in);
    case absl::StatusCode::kResourceExhausted:
      return v1::TOO_LARGE;
    case absl::StatusCode::kCancelled:
      return v1::CANCELLED;
    default:
      return v1::INTERNAL;
  }
}

std::string Readable(absl::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80;
  });
  return ascii ? std::string(text) : absl::CHexEscape(text);
}

}  // namespace btfd::wire
