// SPDX-License-Identifier: Apache-2.0
//
// The one place where options become a profile, and a profile the steps that
// the engine takes. A profile is what finalization does in one kernel release.
#ifndef BTFD_CLIENT_REQUEST_PROFILE_H_
#define BTFD_CLIENT_REQUEST_PROFILE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

enum class Release {
  k6x,  // up to 6.*: .BTF_ids is patched in place, .BTF is not touched
  k70,
  k72,  // 7.1, 7.2
  k73,
};

struct Profile {
  Release release = Release::k72;
  // Asked for a release that is newer than the newest known one.
  bool newer_than_known = false;
};

// "6.x", "7.0" to "7.3", or a whole kernel version ("6.12.30", "7.2.0-rc3+").
// InvalidArgument for anything else.
absl::StatusOr<Profile> ProfileByName(absl::string_view name);

// For people and for JSON: "6.x", "7.0", "7.2", "7.3".
absl::string_view ProfileName(Release release);

// The release that is spoken of, 612 for "6.12.30": by BTFD_PROFILE, or where
// that is empty by KERNELVERSION. Nothing where it is no version ("6.x").
std::optional<int> StatedRelease(absl::string_view btfd_profile,
                                 absl::string_view kernel_version);

// What decides which generation of resolve_btfids is stood in for.
struct DropInSituation {
  std::string btfd_profile;    // environment: BTFD_PROFILE
  std::string kernel_version;  // environment: KERNELVERSION, of kbuild
  bool btf_option = false;     // --btf
  bool distill_option = false;
  bool elf_has_btf = false;
};

// In this order: BTFD_PROFILE, KERNELVERSION (where it is a version at all),
// the arguments. InvalidArgument only for a BTFD_PROFILE that is none.
absl::StatusOr<Profile> ChooseDropInProfile(const DropInSituation& situation);

// For `finalize`: `option` (--profile), BTFD_PROFILE, KERNELVERSION, else 7.2.
absl::StatusOr<Profile> ChooseFinalizeProfile(absl::string_view option,
                                              absl::string_view btfd_profile,
                                              absl::string_view kernel_version);

// What is asked for besides the profile.
struct StepOverrides {
  bool distill = false;
  bool dedup = false;  // on top of the profile's own
  bool follow_resolved_ids = false;
};

v1::Steps StepsOf(const Profile& profile, const StepOverrides& overrides);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_PROFILE_H_
