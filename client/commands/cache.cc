// SPDX-License-Identifier: Apache-2.0
//
// btfc cache: shows and clears the results that the daemon keeps, and checks
// that they are right.
#include <stdio.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/manual/pages.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/shared_daemon.h"
#include "lib/util/json.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

absl::Status ToStatus(v1::Outcome outcome, const std::string& message) {
  if (outcome == v1::OK) return absl::OkStatus();
  return absl::UnavailableError(message.empty() ? v1::Outcome_Name(outcome)
                                                : message);
}

absl::StatusOr<int> Stats(DirectConnection* daemon, bool as_json) {
  v1::GetCacheStatusResponse cache;
  RETURN_IF_ERROR(
      Call(daemon, kGetCacheStatus, v1::GetCacheStatusRequest(), &cache));
  RETURN_IF_ERROR(ToStatus(cache.outcome(), cache.message()));
  v1::GetStatusResponse status;
  RETURN_IF_ERROR(Call(daemon, kGetStatus, v1::GetStatusRequest(), &status));
  const auto lifetime = [&status](const char* name) -> uint64_t {
    const auto found = status.lifetime_counters().find(name);
    return found == status.lifetime_counters().end() ? 0 : found->second;
  };
  constexpr const char* kCounters[] = {
      "cache_hits",         "cache_misses",           "cache_bypassed",
      "cache_verified",     "cache_disagreements",    "store_results_evicted",
      "store_puts_dropped", "store_checksum_failures"};
  if (as_json) {
    util::JsonWriter json;
    json.Open('{')
        .Add("enabled", cache.enabled())
        .Add("store", status.store())
        .Add("results", uint64_t{cache.results()})
        .Add("bytes", uint64_t{cache.bytes()})
        .Add("max_bytes", uint64_t{cache.max_bytes()})
        .Add("with_requests", uint64_t{cache.with_requests()})
        .Add("verify_hits", cache.verify_hits());
    for (const char* counter : kCounters) json.Add(counter, lifetime(counter));
    json.Close();
    puts(json.text().c_str());
    return 0;
  }
  const uint64_t hits = lifetime("cache_hits"),
                 all = hits + lifetime("cache_misses");
  absl::PrintF("store      %s%s\n", status.store(),
               cache.enabled() ? "" : ", no results are kept");
  absl::PrintF("results    %d, %.1f MB of %.1f MB\n", cache.results(),
               cache.bytes() / 1e6, cache.max_bytes() / 1e6);
  absl::PrintF("hits       %d of %d requests, %.1f%%\n", hits, all,
               all == 0 ? 0.0 : 100.0 * hits / all);
  absl::PrintF("verified   %d, %d of them wrong\n", lifetime("cache_verified"),
               lifetime("cache_disagreements"));
  absl::PrintF("evicted    %d\n", lifetime("store_results_evicted"));
  return 0;
}

absl::StatusOr<int> Clear(DirectConnection* daemon) {
  v1::ClearCacheResponse cleared;
  RETURN_IF_ERROR(Call(daemon, kClearCache, v1::ClearCacheRequest(), &cleared));
  RETURN_IF_ERROR(ToStatus(cleared.outcome(), cleared.message()));
  absl::PrintF("%d results deleted\n", cleared.results());
  return 0;
}

struct Tally {
  uint64_t agreed = 0;
  uint64_t disagreed = 0;
  uint64_t not_judged = 0;
  uint64_t seen() const { return agreed + disagreed + not_judged; }
};

// Verifies results from behind `after` up to the key `until` (empty: the last
// one), but at most `limit` results.
absl::Status VerifyRun(DirectConnection* daemon, std::string after,
                       const std::string& until, uint64_t limit, Tally* tally) {
  while (tally->seen() < limit) {
    v1::VerifyCacheRequest request;
    request.set_after(after);
    request.set_until(until);
    request.set_max_results(static_cast<uint32_t>(
        std::min<uint64_t>(limit - tally->seen(), UINT32_MAX)));
    v1::VerifyCacheResponse response;
    RETURN_IF_ERROR(Call(daemon, kVerifyCache, request, &response));
    RETURN_IF_ERROR(ToStatus(response.outcome(), response.message()));
    tally->agreed += response.agreed();
    tally->disagreed += response.disagreed_size();
    tally->not_judged += response.not_judged();
    for (const std::string& key : response.disagreed()) {
      SayError(absl::StrCat("the result ", absl::BytesToHexString(key),
                            " was wrong, and is deleted"));
    }
    after = response.last();
    if (response.end()) break;
  }
  return absl::OkStatus();
}

// Keys are digests. So the results that follow on a random key are a random
// sample.
absl::Status VerifySample(DirectConnection* daemon, uint64_t count,
                          Tally* tally) {
  std::string start(32, '\0');
  if (getrandom(start.data(), start.size(), 0) !=
      static_cast<ssize_t>(start.size())) {
    return absl::InternalError("no random numbers");
  }
  RETURN_IF_ERROR(VerifyRun(daemon, start, "", count, tally));
  return VerifyRun(daemon, "", start, count, tally);
}

// Verifies `sample` results; 0: all.
absl::StatusOr<int> Verify(DirectConnection* daemon, uint64_t sample,
                           bool as_json) {
  Tally tally;
  if (sample == 0) {
    RETURN_IF_ERROR(VerifyRun(daemon, "", "", UINT64_MAX, &tally));
  } else {
    RETURN_IF_ERROR(VerifySample(daemon, sample, &tally));
  }
  if (as_json) {
    util::JsonWriter json;
    json.Open('{')
        .Add("agreed", tally.agreed)
        .Add("disagreed", tally.disagreed)
        .Add("not_judged", tally.not_judged)
        .Close();
    puts(json.text().c_str());
  } else {
    absl::PrintF("%d results: %d agree, %d wrong, %d not judged\n",
                 tally.seen(), tally.agreed, tally.disagreed, tally.not_judged);
  }
  return tally.disagreed == 0 ? 0 : kExitFailure;
}

}  // namespace

int RunCache(const std::vector<std::string>& arguments) {
  bool as_json = false;
  std::string sample;
  CommandLine line(CachePage());
  line.Flag("json", &as_json);
  line.Value("sample", &sample);
  std::vector<std::string> words;
  const std::optional<int> end = line.Parse(arguments, &words);
  if (end.has_value()) return *end;
  const std::string verb = words.size() == 1 ? words[0] : "";
  if (verb != "stats" && verb != "verify" && verb != "clear") {
    return line.WrongCall("one of: stats, verify, clear");
  }
  uint64_t count = 0;
  if (!sample.empty() &&
      (verb != "verify" || !absl::SimpleAtoi(sample, &count) || count == 0)) {
    return line.WrongCall("--sample is for verify, and a number from 1");
  }
  const auto run = [&]() -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const auto daemon, OpenOrStartDaemon());
    if (verb == "stats") return Stats(daemon.get(), as_json);
    if (verb == "verify") return Verify(daemon.get(), count, as_json);
    return Clear(daemon.get());
  };
  const absl::StatusOr<int> result = run();
  if (result.ok()) return *result;
  SayError(result.status().message());
  return kExitFailure;
}

}  // namespace btfd::client
