// SPDX-License-Identifier: Apache-2.0
//
// btfc status: shows the daemon's state and counters.
#include "client/commands/status.h"

#include <stdio.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/encode/real_pahole.h"
#include "client/encode/stand_in.h"
#include "client/manual/pages.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/shared_daemon.h"
#include "lib/util/json.h"

namespace btfd::client {

namespace {

using Counters = google::protobuf::Map<std::string, google::protobuf::uint64>;

uint64_t Get(const Counters& counters, const std::string& name) {
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

// "N (M)": N for this daemon, M since the store was made.
std::string Both(const v1::GetStatusResponse& status, const std::string& name) {
  return absl::StrFormat("%d (%d)", Get(status.counters(), name),
                         Get(status.lifetime_counters(), name));
}

// All counters with that prefix that are not zero.
std::string NonZero(const Counters& counters, absl::string_view prefix,
                    const std::set<absl::string_view>& except = {}) {
  const std::map<std::string, uint64_t> sorted(counters.begin(),
                                               counters.end());
  std::vector<std::string> parts;
  for (const auto& [name, value] : sorted) {
    absl::string_view rest = name;
    if (value == 0 || !absl::ConsumePrefix(&rest, prefix)) continue;
    if (except.count(rest) > 0) continue;
    parts.push_back(absl::StrCat(value, " ", rest));
  }
  return parts.empty() ? "none" : absl::StrJoin(parts, ", ");
}

// The outcomes that are errors: not OK, and no question for the base.
std::string Errors(const Counters& counters) {
  return NonZero(counters, "outcome_",
                 {"ok", "base_key_unknown", "base_unknown"});
}

void AddCounters(absl::string_view key, const Counters& counters,
                 util::JsonWriter* json) {
  json->Open('{', key);
  for (const auto& [name, value] :
       std::map<std::string, uint64_t>(counters.begin(), counters.end())) {
    json->Add(name, value);
  }
  json->Close();
}

}  // namespace

void AddBase(const v1::BaseInfo& base, util::JsonWriter* json) {
  json->Open('{')
      .Add("digest", absl::BytesToHexString(base.digest()))
      .Add("origin", base.origin())
      .Add("types", base.types())
      .Add("raw_bytes", uint64_t{base.raw_bytes()})
      .Add("resident_bytes", uint64_t{base.resident_bytes()})
      .Add("dedup_ready", base.dedup_ready())
      .Add("requests", uint64_t{base.requests()})
      .Add("last_used_unix", int64_t{base.last_used_unix()})
      .Close();
}

std::string BaseLine(const v1::BaseInfo& base) {
  const std::string resident =
      base.resident_bytes() == 0
          ? "in the store only"
          : absl::StrFormat("%.1f MB resident", base.resident_bytes() / 1e6);
  return absl::StrFormat("%s  %d types, %.1f MB, %s, %d requests  %s",
                         absl::BytesToHexString(base.digest()).substr(0, 16),
                         base.types(), base.raw_bytes() / 1e6, resident,
                         base.requests(), base.origin());
}

std::string StatusAsText(const v1::GetStatusResponse& status,
                         const std::string& stands_for) {
  std::string text = absl::StrFormat(
      "btfd %s, pid %d, up %s, %s\n", status.version(), status.pid(),
      absl::FormatDuration(absl::Seconds(status.uptime_seconds())),
      status.socket());
  absl::StrAppendFormat(&text, "memory     %.1f MB\n",
                        status.resident_bytes() / 1e6);
  absl::StrAppendFormat(&text, "store      %s, %.1f MB\n", status.store(),
                        status.store_bytes() / 1e6);
  absl::StrAppendFormat(&text, "requests   %s, %d in flight\n",
                        Both(status, "requests"), status.requests_in_flight());
  absl::StrAppendFormat(&text, "cache      %s hits, %s misses\n",
                        Both(status, "cache_hits"),
                        Both(status, "cache_misses"));
  absl::StrAppendFormat(&text, "verified   %s results, %s wrong\n",
                        Both(status, "cache_verified"),
                        Both(status, "cache_disagreements"));
  if (!status.server().empty()) {
    absl::StrAppendFormat(&text, "farm       %s handed on, %s hits: %s\n",
                          Both(status, "forwarded"),
                          Both(status, "forwarded_hits"), status.server());
  }
  if (!status.listen().empty()) {
    absl::StrAppendFormat(&text, "network    %s calls, %s refused: %s\n",
                          Both(status, "listen_requests"),
                          Both(status, "listen_refused"), status.listen());
  }
  absl::StrAppendFormat(&text, "errors     %s (%s)\n",
                        Errors(status.counters()),
                        Errors(status.lifetime_counters()));
  absl::StrAppendFormat(&text, "fallbacks  %s (%s)\n",
                        NonZero(status.counters(), "fallback_"),
                        NonZero(status.lifetime_counters(), "fallback_"));
  for (const std::string& complaint : status.complaints()) {
    absl::StrAppend(&text, "settings   ", complaint, "\n");
  }
  absl::StrAppendFormat(&text, "encoder    as pahole %s\n", stands_for);
  absl::StrAppendFormat(&text, "takeovers  %s (%s)\n",
                        NonZero(status.counters(), "takeover_"),
                        NonZero(status.lifetime_counters(), "takeover_"));
  absl::StrAppendFormat(&text, "bases      %d\n", status.bases_size());
  for (const v1::BaseInfo& base : status.bases()) {
    absl::StrAppend(&text, "  ", BaseLine(base), "\n");
  }
  return text;
}

std::string StatusAsJson(const v1::GetStatusResponse& status,
                         const std::string& stands_for) {
  util::JsonWriter json;
  json.Open('{')
      .Add("running", true)
      .Add("version", status.version())
      .Add("protocol", status.protocol())
      .Add("engine_version", status.engine_version())
      .Add("pid", int64_t{status.pid()})
      .Add("uptime_seconds", int64_t{status.uptime_seconds()})
      .Add("socket", status.socket())
      .Add("store", status.store())
      .Add("server", status.server())
      .Add("listen", status.listen())
      .Add("stands_for_pahole", stands_for)
      .Add("store_bytes", uint64_t{status.store_bytes()})
      .Add("resident_bytes", uint64_t{status.resident_bytes()})
      .Add("requests_in_flight", status.requests_in_flight());
  AddCounters("counters", status.counters(), &json);
  AddCounters("lifetime_counters", status.lifetime_counters(), &json);
  json.Open('[', "bases");
  for (const v1::BaseInfo& base : status.bases()) AddBase(base, &json);
  json.Close().Close();
  return json.text() + "\n";
}

namespace {

std::string StandInOfProcess() {
  StandInSettings settings = StandInSettingsOfProcess();
  settings.real = RealPaholeOf("");
  const absl::StatusOr<StandIn> stand_in = ChooseStandIn(settings);
  return stand_in.ok() ? DescribeStandIn(*stand_in)
                       : std::string(stand_in.status().message());
}

}  // namespace

int RunStatus(const std::vector<std::string>& arguments) {
  bool as_json = false;
  CommandLine line(StatusPage());
  line.Flag("json", &as_json);
  std::vector<std::string> rest;
  const std::optional<int> end = line.Parse(arguments, &rest);
  if (end.has_value()) return *end;
  if (!rest.empty()) return line.WrongCall("it takes no arguments");

  const auto daemon = OpenRunningDaemon();
  absl::Status failure = daemon.status();
  v1::GetStatusResponse status;
  if (failure.ok()) {
    failure = Call(daemon->get(), kGetStatus, v1::GetStatusRequest(), &status);
  }
  if (!failure.ok()) {
    if (as_json) puts("{\"running\": false}");
    SayError(absl::StrCat("no status: ", failure.message()));
    return kExitFailure;
  }
  const std::string stands_for = StandInOfProcess();
  fputs((as_json ? StatusAsJson(status, stands_for)
                 : StatusAsText(status, stands_for))
            .c_str(),
        stdout);
  return 0;
}

}  // namespace btfd::client
