// SPDX-License-Identifier: Apache-2.0
//
// The one place where options become a profile, and a profile becomes the steps
// of the engine. A profile is what finalization does in one kernel release.
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
  // The user asked for a release that is newer than the newest known one.
  bool newer_than_known = false;
};

// "6.x", "7.0" to "7.3", or a whole kernel version ("6.12.30", "7.2.0-rc3+").
// InvalidArgument for anything else.
absl::StatusOr<Profile> ProfileByName(absl::string_view name);

// The name in messages and JSON: "6.x", "7.0", "7.2", "7.3".
absl::string_view ProfileName(Release release);

// The release that is stated by BTFD_PROFILE or, if that is empty, by
// KERNELVERSION: 612 for "6.12.30". Nothing if it is no version ("6.x").
std::optional<int> StatedRelease(absl::string_view btfd_profile,
                                 absl::string_view kernel_version);

// What decides which release's resolve_btfids is imitated.
struct DropInSituation {
  std::string btfd_profile;    // environment: BTFD_PROFILE
  std::string kernel_version;  // environment: KERNELVERSION, of kbuild
  bool btf_option = false;     // --btf
  bool distill_option = false;
  bool elf_has_btf = false;
};

// Looks at BTFD_PROFILE, then at KERNELVERSION if it is a version, then at the
// arguments. InvalidArgument only if BTFD_PROFILE is no profile.
absl::StatusOr<Profile> ChooseDropInProfile(const DropInSituation& situation);

// For `finalize`: `option` (--profile), else BTFD_PROFILE, else KERNELVERSION,
// else 7.2.
absl::StatusOr<Profile> ChooseFinalizeProfile(absl::string_view option,
                                              absl::string_view btfd_profile,
                                              absl::string_view kernel_version);

// Steps that options ask for in addition to the profile's.
struct StepOverrides {
  bool distill = false;
  bool dedup = false;  // in addition to the profile's own
  bool follow_resolved_ids = false;
};

v1::Steps StepsOf(const Profile& profile, const StepOverrides& overrides);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_PROFILE_H_
