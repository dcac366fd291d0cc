// SPDX-License-Identifier: Apache-2.0
//
// Decides what makes BTF of DWARF: the encoder in this program, which stands
// for one version of pahole, or the real pahole.
#ifndef BTFD_CLIENT_ENCODE_STAND_IN_H_
#define BTFD_CLIENT_ENCODE_STAND_IN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/encode/rules.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// The values of BTFD_ENCODER.
enum class EncoderChoice {
  kAuto,    // our encoder; the real pahole for what it cannot do
  kNative,  // never the real pahole
  kPahole,  // always the real pahole
};

struct StandInSettings {
  std::string encoder;        // BTFD_ENCODER
  std::string version;        // BTFD_PAHOLE_VERSION
  std::string version_place;  // the variable, or "FILE:LINE"
  // The command of the real pahole; empty if there is none.
  std::vector<std::string> real;
  // The file that keeps answers of `pahole --version`; empty: none.
  std::string cache_file;
};

struct StandIn {
  EncoderChoice choice = EncoderChoice::kAuto;
  // The pahole for which our encoder stands. Nothing if the real pahole has a
  // version that is not known here; `said` is then its own text.
  std::optional<encode::PaholeVersion> version;
  std::string said;
  // What decided the version: "BTFD_PAHOLE_VERSION", "/usr/bin/pahole", "no
  // pahole was found".
  std::string decided_by;
  std::vector<std::string> real;
};

// Reads the settings from the environment and files, without `real`.
StandInSettings StandInSettingsOfProcess();

// InvalidArgument for a variable with an unknown value. If nothing else tells
// the version of the real pahole, starts it to ask it.
absl::StatusOr<StandIn> ChooseStandIn(const StandInSettings& settings);

// For people: "1.32, by BTFD_PAHOLE_VERSION".
std::string DescribeStandIn(const StandIn& stand_in);

// The libbpf that Debian links with a pahole of that version.
v1::EncodedBy LibbpfOf(encode::PaholeVersion version);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_STAND_IN_H_
