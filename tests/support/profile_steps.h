// SPDX-License-Identifier: Apache-2.0
//
// The steps of each kernel release, written a second time on purpose: tests
// compare the client's presets with what upstream's tools do.
#ifndef BTFD_TESTS_SUPPORT_PROFILE_STEPS_H_
#define BTFD_TESTS_SUPPORT_PROFILE_STEPS_H_

#include "absl/strings/string_view.h"
#include "lib/engine/pipeline.h"

namespace btfd::tests {

// "6.x", "7.0", "7.2" or "7.3".
inline engine::Steps StepsForProfile(absl::string_view profile, bool distill) {
  engine::Steps steps;
  if (profile == "6.x") return steps;
  steps.sort = true;
  steps.distill = distill;
  steps.implicit_args = true;
  steps.kfuncs = engine::KfuncSource::kDeclTags;
  if (profile == "7.0") steps.new_header_size = 24;
  if (profile == "7.3") {
    steps.kfuncs = engine::KfuncSource::kSet8;
    steps.kfunc_tags = true;
    steps.dedup = true;
  }
  return steps;
}

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_PROFILE_STEPS_H_
