// SPDX-License-Identifier: Apache-2.0
//
// Ends calls that stall: a client sends no message (or one byte a second), or
// does not fetch its answer, and has set no deadline. gRPC waits for such a
// client for ever, and the call keeps its thread, its memory and its admission.
//
// It watches every call by an interceptor. A whole message that is received or
// sent is progress; single bytes are not.
#ifndef BTFD_DAEMON_RPC_STALL_WATCH_H_
#define BTFD_DAEMON_RPC_STALL_WATCH_H_

#include <grpcpp/support/server_interceptor.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace btfd::daemon {

// Thread-safe. Must outlive the server whose calls it watches.
class StallWatch {
 public:
  // `limit` may be infinite: then no call is ended.
  explicit StallWatch(absl::Duration limit) : limit_(limit) {}

  // For ServerBuilder's SetInterceptorCreators.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
  NewInterceptorFactory();

  // Ends the calls that have stalled, and returns their number. Call it now and
  // then.
  int EndStalled(absl::Time now);
  // The number of calls that were begun, without those that watch the daemon's
  // health.
  uint64_t calls_begun() const { return calls_begun_; }
  // EndStalled() must be called this many times within the limit.
  static constexpr int kChecks = 24;
  absl::Duration interval() const { return limit_ / kChecks; }

 private:
  class Interceptor;
  class Factory;

  const absl::Duration limit_;
  std::atomic<uint64_t> calls_begun_{0};
  absl::Mutex mutex_;
  absl::flat_hash_set<Interceptor*> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_STALL_WATCH_H_
