// SPDX-License-Identifier: Apache-2.0
//
// Why the real pahole had to do what the encoder here could not: by a word
// that is counted, where `btfc status` shows it.
#ifndef BTFD_CLIENT_ENCODE_TAKEOVER_H_
#define BTFD_CLIENT_ENCODE_TAKEOVER_H_

#include <string>

#include "absl/status/status.h"

namespace btfd::client {

// The names are counters (lib/store/counters.h).
enum class Takeover {
  kAsked,    // BTFD_ENCODER=pahole
  kVersion,  // of the real pahole: not known here
  kOptions,  // an option that is not known here
  kDwz,      // partial and skeleton units
  kTypeUnits,
  kLto,  // units that refer to others
  kForm,
  kDwarfVersion,
  kRelocation,
  kCompression,
  kFeature,
  kNesting,
  kAnnotation,  // DW_AT_GNU_annotation
  kLanguage,
  kShape,  // a struct, array or typedef of a form that C does not have
  kOther,
};
const char* TakeoverCounter(Takeover reason);

// Of what encode::Encode() says it does not know. Precondition: Unimplemented.
Takeover TakeoverOf(const absl::Status& status);

// Tells the daemon, if one runs; does not start one. Nothing depends on it.
void ReportTakeover(Takeover reason);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_TAKEOVER_H_
