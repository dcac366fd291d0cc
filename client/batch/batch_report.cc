// SPDX-License-Identifier: Apache-2.0
#include "client/batch/batch_report.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "lib/util/json.h"

namespace btfd::client {

namespace {

std::string Bytes(uint64_t bytes) {
  if (bytes < 10000) return absl::StrCat(bytes, " B");
  if (bytes < 10000000) return absl::StrFormat("%.0f kB", bytes / 1e3);
  return absl::StrFormat("%.1f MB", bytes / 1e6);
}

// The message of a failure. The module's path is put before it unless the
// message has it.
std::string Named(const ModuleResult& result) {
  const std::string message(result.status.message());
  if (absl::StrContains(message, result.path)) return message;
  return absl::StrCat(result.path, ": ", message);
}

}  // namespace

BatchReport::BatchReport(ReportForm form, size_t total, FILE* out, FILE* err)
    : form_(form),
      total_(total),
      out_(out),
      err_(err),
      started_(absl::Now()),
      bar_(out, total) {}

// stderr may be the same terminal as that of the bar.
void BatchReport::SayLine(const std::string& line) {
  bar_.Clear();
  fprintf(err_, "%s\n", line.c_str());
}

void BatchReport::Add(const ModuleResult& result) {
  ++done_;
  cached_ += result.cached;
  bytes_in_ += result.bytes_in;
  bytes_out_ += result.bytes_out;
  engine_ns_ += result.engine_ns;
  // For a single module, as in a build, the log shows what the kernel's tool
  // prints.
  for (const std::string& warning : result.warnings) {
    SayLine(total_ == 1 ? warning : absl::StrCat(result.path, ": ", warning));
  }
  if (!result.status.ok()) {
    ++failed_;
    SayLine(absl::StrCat("btfc: ", Named(result)));
  }
  switch (form_) {
    case ReportForm::kLines:
      return AddLine(result);
    case ReportForm::kJson:
      return AddJson(result);
    case ReportForm::kBar:
      return bar_.Draw(done_, failed_, /*always=*/!result.status.ok());
  }
}

void BatchReport::AddLine(const ModuleResult& result) {
  if (!result.status.ok()) return;
  absl::FPrintF(out_, "%s: %d types -> %d, %s -> %s%s\n", result.path,
                result.types_in, result.types_out, Bytes(result.bytes_in),
                Bytes(result.bytes_out), result.cached ? ", cached" : "");
}

void BatchReport::AddJson(const ModuleResult& result) {
  util::JsonWriter json;
  json.Open('{').Add("module", result.path).Add("ok", result.status.ok());
  if (!result.status.ok()) {
    json.Add("error", result.status.message());
  } else {
    json.Add("types_in", result.types_in)
        .Add("types_out", result.types_out)
        .Add("bytes_in", result.bytes_in)
        .Add("bytes_out", result.bytes_out)
        .Add("engine_ns", result.engine_ns)
        .Add("cached", result.cached);
  }
  json.Open('[', "warnings");
  for (const std::string& warning : result.warnings) json.Add("", warning);
  json.Close().Close();
  fprintf(out_, "%s\n", json.text().c_str());
}

void BatchReport::Finish() {
  const absl::Duration took = absl::Now() - started_;
  if (form_ == ReportForm::kJson) {
    util::JsonWriter json;
    json.Open('{').Open('{', "summary");
    json.Add("modules", uint64_t{done_})
        .Add("failed", uint64_t{failed_})
        .Add("cached", uint64_t{cached_})
        .Add("bytes_in", bytes_in_)
        .Add("bytes_out", bytes_out_)
        .Add("engine_ns", engine_ns_)
        .Add("wall_ns", int64_t{absl::ToInt64Nanoseconds(took)});
    if (done_ < total_) json.Add("left", uint64_t{total_ - done_});
    json.Close().Close();
    fprintf(out_, "%s\n", json.text().c_str());
    return;
  }
  bar_.Finish();
  if (total_ == 1) return;
  absl::FPrintF(
      out_,
      "%d modules finalized, %d failed; %s of BTF -> %s; %.2f s, engine "
      "%.2f s, %d from the cache\n",
      done_ - failed_, failed_, Bytes(bytes_in_), Bytes(bytes_out_),
      absl::ToDoubleSeconds(took), engine_ns_ / 1e9, cached_);
  if (done_ < total_) {
    absl::FPrintF(out_, "interrupted: %d modules are left as they were\n",
                  total_ - done_);
  }
}

}  // namespace btfd::client
