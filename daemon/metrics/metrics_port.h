// SPDX-License-Identifier: Apache-2.0
//
// The port of metrics_listen: what stands at which path.
#ifndef BTFD_DAEMON_METRICS_METRICS_PORT_H_
#define BTFD_DAEMON_METRICS_METRICS_PORT_H_

#include <functional>

#include "absl/status/status.h"
#include "daemon/metrics/http_port.h"
#include "daemon/metrics/metrics.h"
#include "daemon/startup/options.h"

namespace btfd::daemon {

// InvalidArgument where metrics_listen is open to others than this machine and
// that was not asked for.
absl::Status CheckMetricsPort(const Options& options);

// Answers at the port. A thread of the port's own uses `read` and `history` for
// as long as the port lives.
void ServeMetrics(std::function<MetricsSnapshot()> read, History* history,
                  HttpPort* port);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_METRICS_METRICS_PORT_H_
