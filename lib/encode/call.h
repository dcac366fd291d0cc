// SPDX-License-Identifier: Apache-2.0
//
// pahole's command line, as far as it encodes BTF. Source: pahole(1) of dwarves
// 1.24 to 1.32, and what kernels from 6.1 to 7.3 pass
// (scripts/pahole-flags.sh, scripts/Makefile.btf).
#ifndef BTFD_LIB_ENCODE_CALL_H_
#define BTFD_LIB_ENCODE_CALL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/encode/encoder.h"
#include "lib/encode/rules.h"

namespace btfd::encode {

// A call that encodes the BTF of one file.
struct PaholeCall {
  EncodeOptions options;
  std::optional<std::string> base;      // --btf_base
  std::optional<std::string> detached;  // --btf_encode_detached; else into the
                                        // ELF file itself
  std::string elf;
  bool verbose = false;  // -V
};

// Reads the words behind the program's name, as the pahole of that version
// does. `lang_exclude` is $PAHOLE_LANG_EXCLUDE, or empty. Nothing for a call
// that does not encode, or with an option that is not known here: these are
// pahole's own. InvalidArgument, in pahole's words, for what that pahole
// refuses (an unknown language; an unknown feature under
// --btf_features_strict).
absl::StatusOr<std::optional<PaholeCall>> ParsePaholeCall(
    const std::vector<std::string>& words, PaholeVersion version,
    const std::string& lang_exclude);

// What --supported_btf_features prints: the names, with commas.
std::string SupportedFeatures(PaholeVersion version);

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_CALL_H_
