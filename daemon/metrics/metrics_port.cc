// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics/metrics_port.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace btfd::daemon {

namespace {

#include "daemon/metrics/page.h"

HttpAnswer Answer(absl::string_view path, const MetricsSnapshot& snapshot,
                  History* history) {
  if (path == "/metrics") {
    return {200, "text/plain; version=0.0.4; charset=utf-8",
            RenderMetrics(snapshot)};
  }
  if (path == "/healthz") return {200, "text/plain", "ok\n"};
  if (path == "/readyz") {
    return snapshot.serving ? HttpAnswer{200, "text/plain", "ready\n"}
                            : HttpAnswer{503, "text/plain", "stopping\n"};
  }
  if (path == "/status.json") {
    const absl::Time now = absl::Now();
    history->Note(now, snapshot.counters);
    return {200, "application/json",
            RenderStatus(snapshot, history->Minutes(), now)};
  }
  if (path == "/") return {200, "text/html; charset=utf-8", kPage};
  return {404, "text/plain",
          "there are /, /metrics, /healthz, /readyz and /status.json\n"};
}

}  // namespace

absl::Status CheckMetricsPort(const Options& options) {
  if (options.metrics_listen.empty() || options.metrics_insecure ||
      IsLoopback(options.metrics_listen)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "metrics_listen = ", options.metrics_listen,
      ": anyone could read what this daemon does and from which files; "
      "metrics_insecure = yes-anyone-may-read allows that"));
}

void ServeMetrics(std::function<MetricsSnapshot()> read, History* history,
                  HttpPort* port) {
  port->Serve([read = std::move(read), history](absl::string_view path) {
    return Answer(path, read(), history);
  });
}

}  // namespace btfd::daemon
