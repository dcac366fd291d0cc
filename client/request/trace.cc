// SPDX-License-Identifier: Apache-2.0
#include "client/request/trace.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/util/file.h"
#include "lib/util/json.h"

namespace btfd::client {

namespace {

// What the tracks are grouped by.
constexpr int kClient = 1;
constexpr int kDaemon = 2;

// Microseconds, which the format counts in, with the nanoseconds behind the
// point.
std::string Microseconds(int64_t ns) {
  return absl::StrFormat("%d.%03d", ns / 1000, ns % 1000);
}

void AddName(const char* what, int process, uint32_t thread,
             absl::string_view name, std::string* out) {
  absl::StrAppend(out, "{\"name\":\"", what,
                  "\",\"ph\":\"M\",\"pid\":", process, ",\"tid\":", thread,
                  ",\"args\":{\"name\":", util::JsonString(name), "}},\n");
}

}  // namespace

void Trace::Add(const char* name, int64_t start_ns, absl::string_view module) {
  Event event{name,
              std::string(module),
              start_ns,
              util::MonotonicNs(),
              util::ThreadNumber(),
              false};
  const absl::MutexLock lock(&mutex_);
  events_.push_back(std::move(event));
}

void Trace::AddWaiting(const char* name, int64_t start_ns,
                       absl::string_view module) {
  Event event{name, std::string(module), start_ns, util::MonotonicNs(), 0,
              false};
  const absl::MutexLock lock(&mutex_);
  events_.push_back(std::move(event));
}

void Trace::AddDaemon(const v1::FinalizeResponse& response,
                      absl::string_view module) {
  const absl::MutexLock lock(&mutex_);
  for (const v1::Span& span : response.spans()) {
    if (span.end_ns() < span.start_ns()) continue;
    events_.push_back({span.name(), std::string(module), span.start_ns(),
                       span.end_ns(), span.thread(), true});
  }
}

std::string Trace::Json() const {
  std::vector<Event> events;
  {
    const absl::MutexLock lock(&mutex_);
    events = events_;
  }
  // An event comes before those within it.
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return std::tie(a.start_ns, b.end_ns, a.name) <
           std::tie(b.start_ns, a.end_ns, b.name);
  });
  const int64_t origin = events.empty() ? 0 : events.front().start_ns;
  std::string out = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  std::set<std::pair<int, uint32_t>> threads;
  uint64_t waiting = 0;
  for (const Event& event : events) {
    const int process = event.of_daemon ? kDaemon : kClient;
    std::string common = absl::StrCat(
        "{\"name\":", util::JsonString(event.name), ",\"cat\":\"",
        event.of_daemon ? "daemon" : "client", "\",\"pid\":", process,
        ",\"tid\":", event.thread, ",\"ts\":");
    std::string arguments;
    if (!event.module.empty()) {
      arguments = absl::StrCat(
          ",\"args\":{\"module\":", util::JsonString(event.module), "}");
    }
    if (event.thread != 0) {
      threads.emplace(process, event.thread);
      absl::StrAppend(
          &out, common, Microseconds(event.start_ns - origin),
          ",\"ph\":\"X\",\"dur\":", Microseconds(event.end_ns - event.start_ns),
          arguments, "},\n");
      continue;
    }
    ++waiting;
    absl::StrAppend(&out, common, Microseconds(event.start_ns - origin),
                    ",\"ph\":\"b\",\"id\":", waiting, arguments, "},\n");
    absl::StrAppend(&out, common, Microseconds(event.end_ns - origin),
                    ",\"ph\":\"e\",\"id\":", waiting, "},\n");
  }
  for (const auto& [process, thread] : threads) {
    AddName("thread_name", process, thread,
            absl::StrCat(process == kDaemon ? "btfd " : "btfc ", thread), &out);
  }
  AddName("process_name", kDaemon, 0, "btfd", &out);
  AddName("process_name", kClient, 0, "btfc", &out);
  out.resize(out.size() - 2);  // the last comma
  return absl::StrCat(out, "\n]}\n");
}

absl::Status Trace::Write() const {
  return util::WriteFileAtomically(path_, Json());
}

}  // namespace btfd::client
