// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics/metrics.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "daemon/metrics/exposition.h"
#include "lib/util/json.h"

namespace btfd::daemon {

namespace {

using store::Counter;

constexpr size_t kMinutesKept = 60;
// Of a digest, as far as people tell bases by it.
constexpr size_t kDigestShown = 12;

uint64_t Get(const store::Counters::Snapshot& counters, Counter counter) {
  return counters[static_cast<size_t>(counter)];
}

// Counters that are one metric with a label, and the value that each has.
struct Labelled {
  absl::string_view metric;
  absl::string_view help;
  absl::string_view label;
  struct Value {
    absl::string_view counter;  // or the prefix of all that have it
    absl::string_view value;    // empty: what follows the prefix
  };
  std::vector<Value> values;
};

const std::vector<Labelled>& LabelledMetrics() {
  static const auto* const metrics = new std::vector<Labelled>{
      {"btfd_requests_total",
       "Answers to requests for finalization, by how they ended.",
       "outcome",
       {{"outcome_", ""}}},
      {"btfd_cache_requests_total",
       "Requests by what the result cache had for them.",
       "result",
       {{"cache_hits", "hit"},
        {"cache_misses", "miss"},
        {"cache_bypassed", "bypassed"}}},
      {"btfd_remote_cache_requests_total",
       "Requests by what the remote cache had for them.",
       "result",
       {{"remote_hits", "hit"},
        {"remote_misses", "miss"},
        {"remote_failures", "failure"},
        {"remote_bad", "bad"},
        {"remote_skipped", "skipped"}}},
      {"btfd_fallbacks_total",
       "Clients that worked without the daemon, by reason.",
       "reason",
       {{"fallback_", ""}}},
      {"btfd_bases_made_total",
       "Bases brought to memory, by where their index came from.",
       "source",
       {{"bases_built", "built"},
        {"bases_loaded", "store"},
        {"remote_indexes", "remote"}}},
      {"btfd_file_key_requests_total",
       "Bases named by a file key, by whether its digest was known.",
       "result",
       {{"file_key_hits", "hit"}, {"file_key_misses", "miss"}}},
  };
  return *metrics;
}

// Counters that have a name of their own in Prometheus' conventions.
constexpr struct {
  absl::string_view counter;
  absl::string_view metric;  // empty: not shown
} kRenamed[] = {
    {"requests", "btfd_requests_received_total"},
    {"bytes_in", "btfd_received_bytes_total"},
    {"bytes_out", "btfd_sent_bytes_total"},
    {"engine_ns", ""},  // the sum of a histogram
    {"forward_bytes_sent", "btfd_forward_sent_bytes_total"},
    {"forward_bytes_saved", "btfd_forward_saved_bytes_total"},
    {"remote_bytes_sent", "btfd_remote_cache_sent_bytes_total"},
    {"remote_bytes_received", "btfd_remote_cache_received_bytes_total"},
};

// The counters that are in one of the two tables' first.
bool AddLabelled(const MetricsSnapshot& snapshot, const Labelled& metric,
                 std::set<absl::string_view>* shown, Exposition* text) {
  text->Counter(metric.metric, metric.help);
  for (const Labelled::Value& value : metric.values) {
    for (size_t i = 0; i < store::kCounterCount; ++i) {
      absl::string_view name = store::kCounters[i].name;
      const bool matches = value.value.empty()
                               ? absl::StartsWith(name, value.counter)
                               : name == value.counter;
      if (!matches) continue;
      shown->insert(name);
      if (value.value.empty()) absl::ConsumePrefix(&name, value.counter);
      text->Sample({{metric.label,
                     std::string(value.value.empty() ? name : value.value)}},
                   static_cast<double>(snapshot.counters[i]));
    }
  }
  return true;
}

void AddCounters(const MetricsSnapshot& snapshot, Exposition* text) {
  std::set<absl::string_view> shown;
  for (const Labelled& metric : LabelledMetrics()) {
    AddLabelled(snapshot, metric, &shown, text);
  }
  for (size_t i = 0; i < store::kCounterCount; ++i) {
    const store::CounterInfo& info = store::kCounters[i];
    if (shown.count(info.name) > 0) continue;
    std::string name = absl::StrCat("btfd_", info.name, "_total");
    for (const auto& renamed : kRenamed) {
      if (renamed.counter == info.name) name = std::string(renamed.metric);
    }
    if (name.empty()) continue;
    text->Counter(name, absl::StrCat("Counts ", info.meaning, "."));
    text->Sample({}, static_cast<double>(snapshot.counters[i]));
  }
}

void AddGauges(const MetricsSnapshot& snapshot, Exposition* text) {
  text->Gauge("btfd_build_info", "Always 1; the labels say what runs.");
  text->Sample({{"version", snapshot.version},
                {"engine_version", absl::StrCat(snapshot.engine_version)}},
               1);
  text->Gauge("process_start_time_seconds",
              "When the daemon was started, since the epoch.");
  text->Sample({}, absl::ToDoubleSeconds(snapshot.started - absl::UnixEpoch()));
  text->Gauge("process_resident_memory_bytes", "Memory of the process.");
  text->Sample({}, static_cast<double>(snapshot.resident_bytes));
  text->Gauge("btfd_serving", "1, or 0 while the daemon is stopping.");
  text->Sample({}, snapshot.serving);
  text->Gauge("btfd_requests_in_flight", "Requests that are taken in now.");
  text->Sample({}, static_cast<double>(snapshot.requests_in_flight));
  text->Gauge("btfd_store_bytes", "Size of the database.");
  text->Sample({}, static_cast<double>(snapshot.store_bytes));
  uint64_t resident = 0, in_memory = 0;
  for (const BaseMetrics& base : snapshot.bases) {
    resident += base.resident_bytes;
    if (base.resident_bytes > 0) ++in_memory;
  }
  text->Gauge("btfd_bases", "Bases that are known, by where they are.");
  text->Sample({{"place", "memory"}}, static_cast<double>(in_memory));
  text->Sample({{"place", "store"}},
               static_cast<double>(snapshot.bases.size() - in_memory));
  text->Gauge("btfd_bases_resident_bytes", "Memory of bases and indexes.");
  text->Sample({}, static_cast<double>(resident));
  if (snapshot.breaker_open.has_value()) {
    text->Gauge("btfd_remote_cache_breaker_open",
                "1 while the remote cache is not asked since it failed.");
    text->Sample({}, *snapshot.breaker_open);
  }
}

}  // namespace

std::string RenderMetrics(const MetricsSnapshot& snapshot) {
  Exposition text;
  AddGauges(snapshot, &text);
  text.Counter("btfd_calls_total", "Calls, by method.");
  for (const auto& [method, count] : snapshot.calls) {
    text.Sample({{"method", method}}, static_cast<double>(count));
  }
  text.Histogram("btfd_request_duration_seconds",
                 "What requests took, by stage: waiting for room, the engine "
                 "alone, all from being taken in to the answer.");
  text.Sample({{"stage", "wait"}}, snapshot.wait);
  text.Sample({{"stage", "engine"}}, snapshot.engine);
  text.Sample({{"stage", "total"}}, snapshot.total);
  AddCounters(snapshot, &text);
  return text.text();
}

void History::Note(absl::Time now, const store::Counters::Snapshot& counters) {
  const absl::MutexLock lock(&mutex_);
  const absl::Time minute =
      absl::FromUnixSeconds(absl::ToUnixSeconds(now) / 60 * 60);
  if (minutes_.empty() || minutes_.back().at < minute) {
    minutes_.push_back({minute});
    if (minutes_.size() > kMinutesKept) minutes_.pop_front();
  }
  Minute& current = minutes_.back();
  for (size_t i = 0; i < store::kCounterCount; ++i) {
    const uint64_t grown = counters[i] - before_[i];
    const absl::string_view name = store::kCounters[i].name;
    const auto counter = static_cast<Counter>(i);
    if (counter == Counter::kRequests) current.requests += grown;
    if (counter == Counter::kCacheHits) current.hits += grown;
    if (absl::StartsWith(name, "fallback_")) current.fallbacks += grown;
    if (absl::StartsWith(name, "outcome_") && counter != Counter::kOutcomeOk &&
        counter != Counter::kOutcomeBaseKeyUnknown &&
        counter != Counter::kOutcomeBaseUnknown &&
        counter != Counter::kOutcomeResultUnknown) {
      current.errors += grown;
    }
  }
  before_ = counters;
}

std::vector<History::Minute> History::Minutes() const {
  const absl::MutexLock lock(&mutex_);
  return {minutes_.begin(), minutes_.end()};
}

std::string RenderStatus(const MetricsSnapshot& snapshot,
                         const std::vector<History::Minute>& minutes,
                         absl::Time now) {
  util::JsonWriter json;
  json.Open('{')
      .Add("version", snapshot.version)
      .Add("serving", snapshot.serving)
      .Add("up_seconds", absl::ToInt64Seconds(now - snapshot.started))
      .Add("now", absl::ToUnixSeconds(now))
      .Add("resident_bytes", snapshot.resident_bytes)
      .Add("store_bytes", snapshot.store_bytes)
      .Add("in_flight", snapshot.requests_in_flight)
      .Add("requests", Get(snapshot.counters, Counter::kRequests))
      .Add("hits", Get(snapshot.counters, Counter::kCacheHits))
      .Add("misses", Get(snapshot.counters, Counter::kCacheMisses));
  if (snapshot.breaker_open.has_value()) {
    json.Add("breaker_open", *snapshot.breaker_open);
  }
  json.Open('{', "counters");
  for (size_t i = 0; i < store::kCounterCount; ++i) {
    if (snapshot.counters[i] == 0) continue;
    json.Add(store::kCounters[i].name, snapshot.counters[i]);
  }
  json.Close().Open('[', "minutes");
  for (const History::Minute& minute : minutes) {
    json.Open('{')
        .Add("at", absl::ToUnixSeconds(minute.at))
        .Add("requests", minute.requests)
        .Add("hits", minute.hits)
        .Add("errors", minute.errors)
        .Add("fallbacks", minute.fallbacks)
        .Close();
  }
  json.Close().Open('[', "bases");
  for (const BaseMetrics& base : snapshot.bases) {
    json.Open('{')
        .Add("digest", base.digest.substr(0, kDigestShown))
        .Add("origin", base.origin)
        .Add("types", base.types)
        .Add("resident_bytes", base.resident_bytes)
        .Add("requests", base.requests)
        .Close();
  }
  json.Close().Close();
  return json.text();
}

}  // namespace btfd::daemon
