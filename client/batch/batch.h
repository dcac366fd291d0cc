// SPDX-License-Identifier: Apache-2.0
//
// Finalizing many modules: one by itself, which brings the daemon, the base and
// every fallback into place, then all others over one FinalizeStream call with
// several in flight. What that call leaves unanswered, because the daemon went
// away or forgot the base, starts over the same way; each round finishes at
// least one module. All are over one base: its bytes are read beforehand, so
// that it can be sent again when its file has become another.
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
#include "client/rpc/finalize_client.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// How one module ended.
struct ModuleResult {
  std::string path;
  absl::Status status;  // not OK: the module is as it was
  std::vector<std::string> warnings;
  bool cached = false;
  uint32_t types_in = 0;
  uint32_t types_out = 0;
  // .BTF and .BTF.base together, before and after.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t engine_ns = 0;
};

struct BatchOptions {
  v1::Steps steps;
  std::optional<std::string> btf;  // for one module only
  bool drop_signature = false;
  bool sync = false;       // as in elf::WriteOptions
  std::string output;      // for one module only; empty: in place
  uint32_t in_flight = 8;  // modules
  bool bypass_cache = false;
};

class Batch {
 public:
  // Called for each module as it ends, from one thread at a time.
  using Done = std::function<void(const ModuleResult&)>;

  // The pointers must outlive it; `base` may be null.
  Batch(BatchOptions options, FinalizeClient* client, BaseFile* base,
        Done done);

  // Returns when all have ended, or some after Stop().
  void Run(const std::vector<std::string>& modules);
  // Begins no further module, and gives up those that the daemon has; what is
  // answered is written. What is not reported then is as it was. From any
  // thread.
  void Stop();

 private:
  absl::StatusOr<std::unique_ptr<BatchJob>> Load(
      const std::string& path, v1::FinalizeRequest* request) const;
  absl::Status Write(const BatchJob& job, const v1::FinalizeResponse& response,
                     std::vector<std::string>* notices) const;
  void FinishAlone(const std::string& path);
  // Reports, and writes what `response` holds if it is OK.
  void Conclude(const BatchJob& job, const v1::FinalizeResponse& response);
  void Fail(const std::string& path, absl::Status status);
  void Report(const ModuleResult& result);
  // The stream that Stop() is to cancel from now on; null: none. False if it
  // was called already.
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
