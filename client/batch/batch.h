// SPDX-License-Identifier: Apache-2.0
//
// Finalizes many modules over one base. The first module is sent by itself:
// that starts the daemon if need be, gives it the base, and makes every
// fallback that is needed. All other modules then go over one FinalizeStream
// call, with several in flight. If the daemon goes away or forgets the base,
// the modules without an answer start over in the same way; each round finishes
// at least one module. The bytes of the base are read beforehand, so that they
// can be sent again even if the file has changed.
// least one module. Once the first of a round was finished by the engine in
// this process, the others are, too, on all cores.
#ifndef BTFD_CLIENT_BATCH_BATCH_H_
#define BTFD_CLIENT_BATCH_BATCH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/batch/batch_stream.h"
#include "client/request/base_file.h"
#include "client/request/trace.h"
#include "client/rpc/finalize_client.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// How the work on one module ended.
struct ModuleResult {
  std::string path;
  absl::Status status;  // not OK: the module is unchanged
  std::vector<std::string> warnings;
  bool cached = false;
  uint32_t types_in = 0;
  uint32_t types_out = 0;
  // The size of .BTF and .BTF.base together, before and after.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t engine_ns = 0;
};

struct BatchOptions {
  v1::Steps steps;
  std::optional<std::string> btf;  // for a single module only
  bool drop_signature = false;
  bool sync = false;       // as in elf::WriteOptions
  std::string output;      // for a single module only; empty: in place
  uint32_t in_flight = 8;  // modules
  bool bypass_cache = false;
  Trace* trace = nullptr;  // where to note what takes time; null: nowhere
};

class Batch {
 public:
  // Called for each module when its work ends, on one thread at a time.
  using Done = std::function<void(const ModuleResult&)>;

  // The pointers must outlive it; `base` may be null.
  Batch(BatchOptions options, FinalizeClient* client, BaseFile* base,
        Done done);

  // Returns when all modules have ended; after Stop(), when some have.
  void Run(const std::vector<std::string>& modules);
  // Begins no further module, and gives up those that the daemon has. Modules
  // with an answer are still written. A module that is not reported by then is
  // unchanged. Any thread may call it.
  void Stop();

 private:
  absl::StatusOr<std::unique_ptr<BatchJob>> Load(
      const std::string& path, v1::FinalizeRequest* request) const;
  absl::Status Write(const BatchJob& job, const v1::FinalizeResponse& response,
                     std::vector<std::string>* notices) const;
  void FinishAlone(const std::string& path);
  // Both take modules from the front of `waiting`. FinishByStream() may leave
  // some there.
  void FinishByStream(util::UniqueFd socket, std::deque<std::string>* waiting);
  void FinishHere(LocalEngine* engine, std::deque<std::string>* waiting);
  // Reports the module; if `response` is OK, first writes its content.
  void Conclude(const BatchJob& job, const v1::FinalizeResponse& response);
  void Fail(const std::string& path, absl::Status status);
  void Report(const ModuleResult& result);
  // Names the stream that Stop() cancels from now on; null: none. Returns false
  // if Stop() was called before.
  bool SetStream(BatchStream* stream);

  const BatchOptions options_;
  FinalizeClient* const client_;
  BaseFile* const base_;
  const Done done_;
  absl::Mutex report_mutex_;
  absl::Mutex stream_mutex_;
  BatchStream* stream_ ABSL_GUARDED_BY(stream_mutex_) = nullptr;
  bool stopped_ ABSL_GUARDED_BY(stream_mutex_) = false;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_BATCH_BATCH_H_
