// SPDX-License-Identifier: Apache-2.0
#include "client/encode/takeover.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/shared_daemon.h"

namespace btfd::client {

namespace {

// The messages of lib/dwarf and lib/encode; the most special ones come first.
constexpr struct {
  absl::string_view words;
  Takeover reason;
} kWords[] = {
    {"the feature ", Takeover::kFeature},
    {"dwz", Takeover::kDwz},
    {"type unit", Takeover::kTypeUnits},
    {"LTO", Takeover::kLto},
    {"DWARF version", Takeover::kDwarfVersion},
    {"relocation", Takeover::kRelocation},
    {"compression", Takeover::kCompression},
    {"nested too deep", Takeover::kNesting},
    {"form 0x", Takeover::kForm},
    {"annotation", Takeover::kAnnotation},
    {"(Rust)", Takeover::kLanguage},
    {"DW_AT_specification", Takeover::kShape},
    {"dimensions", Takeover::kShape},
};

}  // namespace

const char* TakeoverCounter(Takeover reason) {
  switch (reason) {
    case Takeover::kAsked:
      return "takeover_asked";
    case Takeover::kVersion:
      return "takeover_version";
    case Takeover::kOptions:
      return "takeover_options";
    case Takeover::kDwz:
      return "takeover_dwz";
    case Takeover::kTypeUnits:
      return "takeover_type_units";
    case Takeover::kLto:
      return "takeover_lto";
    case Takeover::kForm:
      return "takeover_form";
    case Takeover::kDwarfVersion:
      return "takeover_dwarf_version";
    case Takeover::kRelocation:
      return "takeover_relocation";
    case Takeover::kCompression:
      return "takeover_compression";
    case Takeover::kFeature:
      return "takeover_feature";
    case Takeover::kNesting:
      return "takeover_nesting";
    case Takeover::kAnnotation:
      return "takeover_annotation";
    case Takeover::kLanguage:
      return "takeover_language";
    case Takeover::kShape:
      return "takeover_shape";
    case Takeover::kOther:
      break;
  }
  return "takeover_other";
}

Takeover TakeoverOf(const absl::Status& status) {
  for (const auto& known : kWords) {
    if (absl::StrContains(status.message(), known.words)) return known.reason;
  }
  return Takeover::kOther;
}

void ReportTakeover(Takeover reason) {
  const auto daemon = OpenRunningDaemon();
  if (!daemon.ok()) return;
  v1::ReportEventsRequest request;
  (*request.mutable_events())[TakeoverCounter(reason)] = 1;
  v1::ReportEventsResponse response;
  Call(daemon->get(), kReportEvents, request, &response).IgnoreError();
}

}  // namespace btfd::client
