// SPDX-License-Identifier: Apache-2.0
//
// Why the real pahole had to do what our encoder could not. Each reason has a
// name that is counted; `btfc status` shows the counts.
#ifndef BTFD_CLIENT_ENCODE_TAKEOVER_H_
#define BTFD_CLIENT_ENCODE_TAKEOVER_H_

#include <string>

#include "absl/status/status.h"

namespace btfd::client {

// Their names are counters (lib/store/counters.h).
enum class Takeover {
  kAsked,    // BTFD_ENCODER=pahole
  kVersion,  // the real pahole's version is not known here
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

// The reason for an error of encode::Encode(). Precondition: it is
// Unimplemented.
Takeover TakeoverOf(const absl::Status& status);

// Tells the daemon if one runs; does not start one. Errors are ignored.
void ReportTakeover(Takeover reason);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_TAKEOVER_H_
