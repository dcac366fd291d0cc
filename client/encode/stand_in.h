// SPDX-License-Identifier: Apache-2.0
//
// Who makes BTF of DWARF: the encoder in this program, which stands for a
// certain pahole, or the real pahole.
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

// BTFD_ENCODER.
enum class EncoderChoice {
  kAuto,    // the own one; the real pahole for what that cannot do
  kNative,  // never the real pahole
  kPahole,  // always the real pahole
};

struct StandInSettings {
  std::string encoder;  // BTFD_ENCODER
  std::string version;  // BTFD_PAHOLE_VERSION
  // The real pahole as a command; no words where there is none.
  std::vector<std::string> real;
  // Where answers of `pahole --version` are kept; empty: nowhere.
  std::string cache_file;
};

struct StandIn {
  EncoderChoice choice = EncoderChoice::kAuto;
  // The pahole that is stood for. Nothing where the real one is of a version
  // that is not known here; `said` is what it calls itself then.
  std::optional<encode::PaholeVersion> version;
  std::string said;
  // Who decided the version: "BTFD_PAHOLE_VERSION", "/usr/bin/pahole", "no
  // pahole was found".
  std::string decided_by;
  std::vector<std::string> real;
};

// What the environment says, without `real`.
StandInSettings StandInSettingsOfProcess();

// InvalidArgument for a variable with a value that is not known. Starts the
// real pahole, to ask it for its version, where nothing else tells.
absl::StatusOr<StandIn> ChooseStandIn(const StandInSettings& settings);

// "1.32, by BTFD_PAHOLE_VERSION", for people.
std::string DescribeStandIn(const StandIn& stand_in);

// The libbpf that Debian links a pahole of that version with.
v1::EncodedBy LibbpfOf(encode::PaholeVersion version);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_STAND_IN_H_
