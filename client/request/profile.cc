// SPDX-License-Identifier: Apache-2.0
#include "client/request/profile.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/kernel_version.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

absl::StatusOr<Profile> ProfileByName(absl::string_view name) {
  if (name == "6.x") return Profile{Release::k6x};
  const std::optional<KernelVersion> version = ParseKernelVersion(name);
  if (!version.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no such profile: '", name,
        "'; known are 6.x, 7.0, 7.1, 7.2, 7.3 and kernel versions"));
  }
  const auto [major, minor] = *version;
  if (major <= 6) return Profile{Release::k6x};
  if (major == 7 && minor == 0) return Profile{Release::k70};
  if (major == 7 && minor <= 2) return Profile{Release::k72};
  return Profile{Release::k73,
                 /*newer_than_known=*/major > 7 || minor > 3};
}

std::optional<int> StatedRelease(absl::string_view btfd_profile,
                                 absl::string_view kernel_version) {
  const std::optional<KernelVersion> version =
      ParseKernelVersion(btfd_profile.empty() ? kernel_version : btfd_profile);
  if (!version.has_value()) return std::nullopt;
  constexpr int kPerMajor = 100;
  return version->major * kPerMajor + std::min(version->minor, kPerMajor - 1);
}

absl::string_view ProfileName(Release release) {
  switch (release) {
    case Release::k6x:
      return "6.x";
    case Release::k70:
      return "7.0";
    case Release::k72:
      return "7.2";
    case Release::k73:
      break;
  }
  return "7.3";
}

absl::StatusOr<Profile> ChooseDropInProfile(const DropInSituation& situation) {
  if (!situation.btfd_profile.empty()) {
    return ProfileByName(situation.btfd_profile);
  }
  const absl::StatusOr<Profile> kernel =
      ProfileByName(situation.kernel_version);
  if (kernel.ok()) return kernel;
  const bool looks_like_6x = !situation.btf_option &&
                             !situation.distill_option && situation.elf_has_btf;
  return Profile{looks_like_6x ? Release::k6x : Release::k72};
}

absl::StatusOr<Profile> ChooseFinalizeProfile(
    absl::string_view option, absl::string_view btfd_profile,
    absl::string_view kernel_version) {
  if (!option.empty()) return ProfileByName(option);
  if (!btfd_profile.empty()) return ProfileByName(btfd_profile);
  const absl::StatusOr<Profile> kernel = ProfileByName(kernel_version);
  return kernel.ok() ? *kernel : Profile{Release::k72};
}

v1::Steps StepsOf(const Profile& profile, const StepOverrides& overrides) {
  const Release release = profile.release;
  v1::Steps steps;
  switch (release) {
    case Release::k6x:
      steps.set_kfuncs(v1::KFUNCS_NONE);
      break;
    case Release::k70:
    case Release::k72:
      steps.set_kfuncs(v1::KFUNCS_DECL_TAGS);
      break;
    case Release::k73:
      steps.set_kfuncs(v1::KFUNCS_SET8);
      break;
  }
  steps.set_implicit_args(release != Release::k6x);
  steps.set_kfunc_tags(release == Release::k73);
  steps.set_dedup(release == Release::k73 || overrides.dedup);
  steps.set_distill(overrides.distill);
  steps.set_sort(release != Release::k6x);
  steps.set_resolve_ids(true);
  steps.set_follow_resolved_ids(overrides.follow_resolved_ids);
  // The extended header came with 7.1.
  steps.set_new_header_size(
      release == Release::k6x || release == Release::k70 ? 24 : 32);
  return steps;
}

}  // namespace btfd::client
