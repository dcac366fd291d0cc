// SPDX-License-Identifier: Apache-2.0
#include "lib/wire/outcome.h"

#include "gtest/gtest.h"
#include "lib/store/counters.h"

namespace btfd::wire {
namespace {

using engine::FailedIn;

TEST(Outcome, ADefectIsThatOfThePartItWasFoundIn) {
  const absl::Status defect = absl::InvalidArgumentError("wrong");
  EXPECT_EQ(OutcomeOf(defect, FailedIn::kBase), v1::BAD_BASE);
  EXPECT_EQ(OutcomeOf(defect, FailedIn::kBtf), v1::BAD_BTF);
  EXPECT_EQ(OutcomeOf(defect, FailedIn::kDistilledBase), v1::BAD_BTF);
  EXPECT_EQ(OutcomeOf(defect, FailedIn::kIds), v1::BAD_IDS);
  EXPECT_EQ(OutcomeOf(defect, FailedIn::kInterning), v1::ENCODING_UNCERTAIN);
  EXPECT_EQ(OutcomeOf(defect), v1::BAD_REQUEST);
  EXPECT_EQ(OutcomeOf(absl::FailedPreconditionError(""), FailedIn::kBtf),
            v1::BAD_BTF);
}

TEST(Outcome, OtherErrorsAreToldByTheirCode) {
  EXPECT_EQ(OutcomeOf(absl::OkStatus()), v1::OK);
  EXPECT_EQ(OutcomeOf(absl::ResourceExhaustedError(""), FailedIn::kBtf),
            v1::TOO_LARGE);
  EXPECT_EQ(OutcomeOf(absl::CancelledError("")), v1::CANCELLED);
  EXPECT_EQ(OutcomeOf(absl::InternalError("")), v1::INTERNAL);
  EXPECT_EQ(OutcomeOf(absl::UnknownError("")), v1::INTERNAL);
}

TEST(Outcome, AnErrorKeepsTheOutcomeItWasMadeWith) {
  for (int i = v1::OK + 1; i < v1::Outcome_ARRAYSIZE; ++i) {
    const auto outcome = static_cast<v1::Outcome>(i);
    const absl::Status error = OutcomeError(outcome, "why");
    EXPECT_EQ(error.message(), "why");
    EXPECT_EQ(OutcomeOf(error, FailedIn::kBtf), outcome);
  }
}

TEST(Outcome, EachHasACounterOfItsName) {
  for (int i = v1::OK; i < v1::Outcome_ARRAYSIZE; ++i) {
    const auto counter = store::OutcomeCounter(i);
    std::string name = v1::Outcome_Name(static_cast<v1::Outcome>(i));
    for (char& c : name) c = static_cast<char>(tolower(c));
    EXPECT_EQ(store::kCounters[static_cast<size_t>(counter)].name,
              "outcome_" + name);
  }
}

}  // namespace
}  // namespace btfd::wire
