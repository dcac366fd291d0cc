// SPDX-License-Identifier: Apache-2.0
//
// FinalizeStream: many modules on one call. The call's own thread reads, the
// task queue computes, and a thread of the stream writes. So a client that does
// not fetch its answers delays only itself. A stream has a bounded number of
// requests and bytes in flight. A request counts until its answer is written.
// While the bound is reached, the stream is not read.
#ifndef BTFD_DAEMON_RPC_STREAM_H_
#define BTFD_DAEMON_RPC_STREAM_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/sync_stream.h>

#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "daemon/finalize/admission.h"
#include "daemon/finalize/finalizer.h"
#include "lib/util/task_queue.h"
#include "proto/btfd.grpc.pb.h"

namespace btfd::daemon {

class FinalizeStream {
 public:
  // Requests come as bytes, because they are measured before they are parsed.
  using Call = grpc::ServerReaderWriter<v1::FinalizeResponse, grpc::ByteBuffer>;
  struct Limits {
    uint32_t requests = 0;  // in flight
    uint64_t bytes = 0;     // in flight; below it one more is begun
  };

  // All that is given must outlive it.
  FinalizeStream(Limits limits, Finalizer* finalizer, util::TaskQueue* tasks,
                 util::CallDeadline call_deadline, Call* call)
      : limits_(limits),
        finalizer_(finalizer),
        tasks_(tasks),
        call_deadline_(std::move(call_deadline)),
        call_(call) {}

  // Serves the call to its end. InvalidArgument if a message cannot be parsed.
  absl::Status Serve();

 private:
  struct Answer {
    v1::FinalizeResponse response;
    uint64_t cost = 0;
    std::optional<AdmissionControl::Ticket>
        ticket;  // held until the answer is written
    // Of a request that is traced: when it came, and when there was room.
    int64_t arrived_ns = 0;
    int64_t admitted_ns = 0;
    uint32_t reader_thread = 0;
  };

  void WaitForRoom();
  absl::Status Start(grpc::ByteBuffer raw);
  // Adds what a traced request waited for, until a thread began it.
  static void AddWaiting(int64_t begun_ns, Answer* answer);
  void Deliver(std::unique_ptr<Answer> answer);
  void WriteAnswers();

  const Limits limits_;
  Finalizer* const finalizer_;
  util::TaskQueue* const tasks_;
  const util::CallDeadline call_deadline_;
  Call* const call_;

  absl::Mutex mutex_;
  uint32_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool read_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::unique_ptr<Answer>> answers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RPC_STREAM_H_
