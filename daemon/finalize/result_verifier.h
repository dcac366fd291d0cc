// SPDX-License-Identifier: Apache-2.0
//
// Verifies kept results: they are computed anew and compared, byte for byte,
// with their warnings. In daily use that is done for one in so many hits, on a
// thread of its own, after the answer was sent. `btfc cache verify` asks for it
// for all results, or for a sample.
//
// A wrong result is deleted, counted (cache_disagreements) and logged as an
// error. Answers that were given with it cannot be taken back, so hits are
// verified all the time.
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
  // `verify_hits`: one in so many hits is verified; 0: none.
  ResultVerifier(uint32_t verify_hits, wire::FinalizeFn finalize,
                 BaseRegistry* bases, ResultCache* results,
                 store::Counters* counters, util::Log* log);

  // Notes that a request over a base (null: without one) was answered with a
  // kept result. This costs one addition; if the hit is chosen, it costs a copy
  // of request and answer.
  void NoteHit(const util::Digest& key, const v1::FinalizeRequest& request,
               const util::Digest* base, const v1::FinalizeResponse& result);

  // Serves one VerifyCache call. The Status becomes the outcome.
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
  const wire::FinalizeFn finalize_;
  BaseRegistry* const bases_;
  ResultCache* const results_;
  store::Counters* const counters_;
  util::Log* const log_;

  std::atomic<uint64_t> hits_;
  std::atomic<bool> busy_{false};  // verifying a hit
  absl::Mutex verify_mutex_;       // one call of Verify() at a time
  util::TaskQueue tasks_{1};       // last: its tasks use the others
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_RESULT_VERIFIER_H_
