// SPDX-License-Identifier: Apache-2.0
//
// FinalizeStream: many modules on one call. The call's own thread reads, the
// task queue computes, and a thread of the stream writes; so a client that
// does not fetch its answers holds up nobody but itself. A stream has a bounded
// number of requests in flight, and one counts until its answer is written: it
// is not read further meanwhile.
#ifndef BTFD_DAEMON_STREAM_H_
#define BTFD_DAEMON_STREAM_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "daemon/finalizer.h"
#include "daemon/task_queue.h"
#include "daemon/work.h"
#include "proto/btfd.grpc.pb.h"

namespace btfd::daemon {

class FinalizeStream {
 public:
  using Call =
      grpc::ServerReaderWriter<v1::FinalizeResponse, v1::FinalizeRequest>;

  // All that is given must outlive it.
  FinalizeStream(uint32_t max_in_flight, Finalizer* finalizer, TaskQueue* tasks,
                 Patience patience, Call* call)
      : max_in_flight_(max_in_flight),
        finalizer_(finalizer),
        tasks_(tasks),
        patience_(std::move(patience)),
        call_(call) {}

  // Serves the call to its end.
  void Serve();

 private:
  struct Answer {
    v1::FinalizeResponse response;
    std::optional<Work::Ticket> ticket;  // held until the answer is written
  };

  void WaitForRoom();
  void Start(std::unique_ptr<v1::FinalizeRequest> request);
  void Deliver(std::unique_ptr<Answer> answer);
  void WriteAnswers();

  const uint32_t max_in_flight_;
  Finalizer* const finalizer_;
  TaskQueue* const tasks_;
  const Patience patience_;
  Call* const call_;

  absl::Mutex mutex_;
  uint32_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool read_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::unique_ptr<Answer>> answers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STREAM_H_
