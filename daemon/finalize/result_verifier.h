// SPDX-License-Identifier: Apache-2.0
//
// The cache's honesty: results that were kept are computed anew and compared,
// byte for byte, warnings included. In daily use that is one in so many hits,
// on a thread of its own and after the answer; and it is all of them, or a
// sample, where `btfc cache verify` asks for it.
//
// A result that proves wrong is deleted, counted (cache_disagreements) and
// logged as an error. What was answered with it before cannot be taken back,
// which is why hits are looked at all the time.
#ifndef BTFD_DAEMON_FINALIZE_RESULT_VERIFIER_H_
#define BTFD_DAEMON_FINALIZE_RESULT_VERIFIER_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "daemon/bases/registry.h"
#include "daemon/finalize/engine_run.h"
#include "daemon/results/result_cache.h"
#include "lib/store/counters.h"
#include "lib/util/digest.h"
#include "lib/util/log.h"
#include "lib/util/task_queue.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// Thread-safe. All that is given must outlive it.
class ResultVerifier {
 public:
  // `verify_hits`: one in so many hits; 0: none.
  ResultVerifier(uint32_t verify_hits, FinalizeFn finalize, BaseRegistry* bases,
                 ResultCache* results, store::Counters* counters,
                 util::Log* log);

  // A request over a base (null: without one) was answered with a kept result.
  // Costs an addition; for the one in so many it costs a copy of both.
  void NoteHit(const util::Digest& key, const v1::FinalizeRequest& request,
               const util::Digest* base, const v1::FinalizeResponse& result);

  // One call of VerifyCache. The Status is the outcome's.
  absl::Status Verify(const v1::VerifyCacheRequest& request,
                      v1::VerifyCacheResponse* response);

 private:
  enum class Agreement { kAgreed, kDisagreed, kNotCompared };

  Agreement CompareAnew(const util::Digest& key,
                        const v1::FinalizeRequest& request,
                        const util::Digest* base,
                        const v1::FinalizeResponse& result);
  Agreement CompareKept(const util::Digest& key);
  void Reject(const util::Digest& key, absl::string_view why);

  const uint32_t verify_hits_;
  const FinalizeFn finalize_;
  BaseRegistry* const bases_;
  ResultCache* const results_;
  store::Counters* const counters_;
  util::Log* const log_;

  std::atomic<uint64_t> hits_;
  std::atomic<bool> busy_{false};  // with a hit
  absl::Mutex verify_mutex_;       // one call of Verify at a time
  util::TaskQueue tasks_{1};       // last: what it runs uses the others
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_RESULT_VERIFIER_H_
