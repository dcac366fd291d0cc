// SPDX-License-Identifier: Apache-2.0
//
// One FinalizeStream call, made by gRPC. The caller's thread opens modules and
// sends them. A second thread takes the answers and writes the modules. A third
// one watches that the daemon is alive. The modules that are open and in flight
// are bounded in number and bytes, so that the client's memory does not grow
// with the batch.
#ifndef BTFD_CLIENT_BATCH_BATCH_STREAM_H_
#define BTFD_CLIENT_BATCH_BATCH_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/request/trace.h"
#include "lib/elf/module_file.h"
#include "lib/util/file.h"
#include "proto/btfd_lite.grpc.pb.h"

namespace btfd::client {

// A module that is open while its request is under way.
struct BatchJob {
  explicit BatchJob(elf::ModuleFile opened) : module(std::move(opened)) {}
  elf::ModuleFile module;
  uint64_t bytes_in = 0;  // of its BTF
  bool had_distilled_base = false;
};

class BatchStream {
 public:
  // What Run() needs, with those of gRPC, which ends the process if it cannot
  // have them.
  static constexpr int kThreads = 24;

  // Opens a module and makes its request. If that fails, reports why and
  // returns null.
  using Load = std::function<std::unique_ptr<BatchJob>(
      const std::string& path, v1::FinalizeRequest* request)>;
  // Takes an answer. Called on another thread than Load.
  using Take =
      std::function<void(const BatchJob&, const v1::FinalizeResponse&)>;

  // `socket` is connected, and does not block.
  // A `trace` that is not null gets what takes time.
  BatchStream(util::UniqueFd socket, uint32_t max_in_flight, Trace* trace,
              Load load, Take take);

  // Takes modules from the front of `waiting`. Those that are in it afterwards
  // got no answer, or one that needs more than this call can do (see
  // ClassifyCall()). The Status is the transport's.
  absl::Status Run(std::deque<std::string>* waiting);
  // Makes Run() return soon, without waiting for more answers. Any thread may
  // call it, before Run() or during it.
  void Cancel();

 private:
  struct InFlight {
    std::unique_ptr<BatchJob> job;
    uint64_t bytes = 0;
    int64_t sent_ns = 0;  // if there is a trace
  };

  void Send(std::deque<std::string>* waiting);
  void Receive();
  void Watch();
  // True if the daemon answers a probe. Blocks for at most kProbeLimit.
  bool Alive();
  bool RoomFor() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<v1::Btfd::Stub> stub_;
  const uint32_t max_in_flight_;
  Trace* const trace_;
  const Load load_;
  const Take take_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::FinalizeRequest, v1::FinalizeResponse>>
      call_;

  absl::Mutex mutex_;
  std::map<uint64_t, InFlight> in_flight_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_sign_of_life_ ABSL_GUARDED_BY(mutex_);
  // Modules that must be tried again in another way.
  std::deque<std::string> again_ ABSL_GUARDED_BY(mutex_);
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;      // no more answers come
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;     // the daemon takes no more
  bool found_dead_ ABSL_GUARDED_BY(mutex_) = false;  // by Watch()
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_BATCH_BATCH_STREAM_H_
