// SPDX-License-Identifier: Apache-2.0
//
// Ends calls on which nothing moves: a client that sends no message (or one a
// byte a second), or fetches no answer, and set no deadline that would end it.
// gRPC waits for such a client for ever, and so would the thread, the memory
// and the admission of its call.
//
// It sees every call as an interceptor: a whole message received or sent is
// progress, bytes are not.
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
  // `limit` may be infinite: nothing is ended then.
  explicit StallWatch(absl::Duration limit) : limit_(limit) {}

  // For ServerBuilder's SetInterceptorCreators.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
  NewInterceptorFactory();

  // Ends what has stalled; call it now and then. How many calls that were.
  int EndStalled(absl::Time now);
  // Calls that were begun so far, but for those of who watches our health.
  uint64_t calls_begun() const { return calls_begun_; }
  // How often that is: so many times in the limit.
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
