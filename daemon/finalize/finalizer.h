// SPDX-License-Identifier: Apache-2.0
//
// One request, from the request message to the response message. The finalizer
// checks and admits a request, finds its base and looks for a kept result. If
// there is none it asks the shared cache, then a remote daemon, and at last
// runs the engine. It keeps the result and counts the outcome. It knows nothing
// of gRPC's calls, so that unary and streamed requests take the same way.
#ifndef BTFD_DAEMON_FINALIZE_FINALIZER_H_
#define BTFD_DAEMON_FINALIZE_FINALIZER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/bases/file_key_table.h"
#include "daemon/bases/registry.h"
#include "daemon/finalize/admission.h"
#include "daemon/finalize/engine_run.h"
#include "daemon/finalize/result_verifier.h"
#include "daemon/forward/forwarder.h"
#include "daemon/metrics/latency.h"
#include "daemon/remote_cache/shared_cache.h"
#include "daemon/results/result_cache.h"
#include "daemon/wire/message.h"
#include "lib/engine/pipeline.h"
#include "lib/store/counters.h"
#include "lib/util/digest.h"
#include "lib/util/log.h"
#include "lib/util/monotonic.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// Thread-safe. All that is given must outlive it.
class Finalizer {
 public:
  // Three of them may be null. Without a `verifier` no hit is computed anew;
  // without a `forwarder` no request goes to a remote daemon; without `shared`
  // there is no cache that many hosts share.
  Finalizer(uint64_t max_btf_bytes, wire::FinalizeFn finalize,
            AdmissionControl* admission, Workspaces* workspaces,
            BaseRegistry* bases, FileKeyTable* file_keys, ResultCache* results,
            ResultVerifier* verifier, store::Counters* counters, util::Log* log,
            Forwarder* forwarder = nullptr, SharedCache* shared = nullptr,
            StageLatencies* latencies = nullptr);

  // Admits a request that has arrived and is not parsed yet. The caller asks
  // for this before Run() or Start(), and keeps the ticket until it has
  // delivered the answer.
  absl::StatusOr<AdmissionControl::Ticket> Admit(
      const MessageSize& size, const util::CallDeadline& call_deadline);

  // Fills the response, tag included. Refuse() is for a request that was not
  // admitted, Run() for one that was; Run() answers whatever goes wrong.
  void Refuse(const MessageSize& size, const absl::Status& why,
              v1::FinalizeResponse* response);
  void Run(const v1::FinalizeRequest& request,
           const util::CallDeadline& call_deadline,
           v1::FinalizeResponse* response);

  // As Run(), but no thread waits for the shared cache. If the shared cache has
  // to be asked, Start() returns at once, `later` gets the rest of the work
  // once the cache has answered, and `done` is called after that. Otherwise
  // `done` is called before Start() returns. The response must live until
  // `done`.
  using Later = std::function<void(std::function<void()> task)>;
  void Start(std::shared_ptr<const v1::FinalizeRequest> request,
             const util::CallDeadline& call_deadline,
             v1::FinalizeResponse* response, Later later,
             std::function<void()> done);

  // Answers from the result cache or the shared cache, else with
  // RESULT_UNKNOWN. Never runs the engine.
  void Find(const v1::FindResultRequest& query,
            const util::CallDeadline& call_deadline,
            v1::FinalizeResponse* response);

 private:
  using Failure = wire::EngineFailure;

  // A request under way. It lives from the start of Run() or Start() to their
  // end, which for Start() may be on another thread.
  struct Job {
    Job(const v1::FinalizeRequest& r, const util::CallDeadline& p,
        v1::FinalizeResponse* out)
        : request(r), call_deadline(p), response(out) {
      if (!request.trace()) return;
      start_ns = util::MonotonicNs();
      start_thread = util::ThreadNumber();
    }
    const v1::FinalizeRequest& request;
    const util::CallDeadline& call_deadline;
    v1::FinalizeResponse* const response;
    const absl::Time start = absl::Now();
    // Of a request that is traced; else 0.
    int64_t start_ns = 0;
    uint32_t start_thread = 0;
    int64_t engine_start_ns = 0;
    int64_t engine_end_ns = 0;
    Failure failure;  // how it ended
    const util::Digest* base_name() const {
      return base_digest.has_value() ? &*base_digest : nullptr;
    }
    std::optional<util::Digest> base_digest;
    absl::StatusOr<std::optional<BaseRegistry::Handle>> base;
    bool hand_on = false;
    bool use_cache = false;
    std::optional<v1::FindResultRequest> query;
    util::Digest key;
  };

  // Checks the request, finds its base and looks in this daemon's results.
  // True: the answer is there, or the failure. False: the shared cache must be
  // asked next, and AnswerAfterSharedCache() does the rest.
  bool AnswerWithoutSharedCache(Job* job);
  absl::Status Check(Job* job);
  // Takes what the shared cache `found`, or asks a remote daemon, or runs the
  // engine; then keeps the result.
  void AnswerAfterSharedCache(std::optional<v1::FinalizeResponse> found,
                              Job* job);
  Failure Compute(Job* job);
  void NoteHit(const Job& job);
  // Says what the time was spent on, if the request asks for it.
  static void AddSpans(const Job& job);
  // Writes tag, outcome and message into the response, and counts it.
  void RecordOutcome(Job* job);
  absl::Status CheckSizes(const v1::FinalizeRequest& request) const;
  absl::StatusOr<std::optional<util::Digest>> NameBase(
      const v1::FinalizeRequest& request);
  absl::StatusOr<std::optional<BaseRegistry::Handle>> AcquireBase(
      const std::optional<util::Digest>& digest);
  std::optional<v1::FinalizeResponse> AskShared(
      const v1::FindResultRequest& query,
      const util::CallDeadline& call_deadline);
  bool HandOn(const v1::FinalizeRequest& request,
              const std::optional<v1::FindResultRequest>& query,
              const util::Digest* base, const util::CallDeadline& call_deadline,
              v1::FinalizeResponse* response);
  Failure RunEngine(const v1::FinalizeRequest& request,
                    const BaseRegistry::Handle* base,
                    const util::CallDeadline& call_deadline,
                    v1::FinalizeResponse* response);
  void Keep(const util::Digest& key, const v1::FinalizeRequest& request,
            const util::Digest* base, v1::FinalizeResponse* response);
  void RegisterResult(const v1::FinalizeRequest& request,
                      const v1::FinalizeResponse& response);
  // Outcome and message of a response, counters, log.
  void Conclude(const Failure& failure, uint64_t bytes_in, absl::Time start,
                v1::FinalizeResponse* response);

  const uint64_t max_btf_bytes_;
  const wire::FinalizeFn finalize_;
  AdmissionControl* const admission_;
  Workspaces* const workspaces_;
  BaseRegistry* const bases_;
  FileKeyTable* const file_keys_;
  ResultCache* const results_;
  ResultVerifier* const verifier_;
  store::Counters* const counters_;
  util::Log* const log_;
  Forwarder* const forwarder_;
  SharedCache* const shared_;
  StageLatencies* const latencies_;  // null: not measured
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_FINALIZER_H_
