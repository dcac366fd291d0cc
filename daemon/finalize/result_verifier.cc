// SPDX-License-Identifier: Apache-2.0
#include "daemon/finalize/result_verifier.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/util/arena.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

// The most results that one call of Verify() takes, so that its caller does not
// wait too long.
constexpr uint32_t kMaxOfACall = 256;
constexpr absl::Duration kTimeOfACall = absl::Seconds(1);

// An answer without the fields that belong to one run.
std::string Essence(v1::FinalizeResponse response) {
  response.clear_tag();
  response.clear_cached();
  response.clear_engine_ns();
  response.clear_engine_version();
  response.set_outcome(v1::OK);
  return response.SerializeAsString();
}

struct Hit {
  util::Digest key;
  v1::FinalizeRequest request;
  std::optional<util::Digest> base;
  v1::FinalizeResponse result;
};

}  // namespace

ResultVerifier::ResultVerifier(uint32_t verify_hits, wire::FinalizeFn finalize,
                               BaseRegistry* bases, ResultCache* results,
                               store::Counters* counters, util::Log* log)
    : verify_hits_(verify_hits),
      finalize_(std::move(finalize)),
      bases_(bases),
      results_(results),
      counters_(counters),
      log_(log),
      // Starts at a random number, so that daemons with few hits verify some,
      // too.
      hits_(static_cast<uint64_t>(absl::GetCurrentTimeNanos())) {}

void ResultVerifier::NoteHit(const util::Digest& key,
                             const v1::FinalizeRequest& request,
                             const util::Digest* base,
                             const v1::FinalizeResponse& result) {
  if (verify_hits_ == 0) return;
  if (hits_.fetch_add(1, std::memory_order_relaxed) % verify_hits_ != 0) return;
  // One at a time. On a busy machine a later hit is taken instead.
  if (busy_.exchange(true)) return;
  auto hit = std::make_shared<Hit>();
  hit->key = key;
  hit->request = request;
  if (base != nullptr) hit->base = *base;
  hit->result = result;
  tasks_.Run([this, hit = std::move(hit)] {
    const absl::Cleanup done = [this] { busy_ = false; };
    CompareAnew(hit->key, hit->request,
                hit->base.has_value() ? &*hit->base : nullptr, hit->result);
  });
}

ResultVerifier::Agreement ResultVerifier::CompareAnew(
    const util::Digest& key, const v1::FinalizeRequest& request,
    const util::Digest* base, const v1::FinalizeResponse& result) {
  std::optional<BaseRegistry::Handle> handle;
  if (base != nullptr) {
    auto acquired = bases_->Acquire(*base);
    if (!acquired.ok()) return Agreement::kNotCompared;
    handle = *std::move(acquired);
  }
  wire::EngineJob job;
  wire::EngineFailure failure =
      PrepareEngine(request, handle.has_value() ? &*handle : nullptr, &job);
  if (!failure.status.ok()) return Agreement::kNotCompared;
  util::Arena arena;
  v1::FinalizeResponse anew;
  failure = wire::RunEngine(finalize_, job, &arena, &anew);
  // This is a problem of the machine, not of the result.
  if (absl::IsResourceExhausted(failure.status)) return Agreement::kNotCompared;
  counters_->Add(store::Counter::kCacheVerified);
  if (!failure.status.ok()) {
    Reject(key, absl::StrCat("the engine refuses its input now: ",
                             failure.status.message()));
    return Agreement::kDisagreed;
  }
  if (Essence(std::move(anew)) == Essence(result)) return Agreement::kAgreed;
  Reject(key, "the engine gives another one");
  return Agreement::kDisagreed;
}

void ResultVerifier::Reject(const util::Digest& key, absl::string_view why) {
  results_->Remove(key);
  counters_->Add(store::Counter::kCacheDisagreements);
  log_->Error(absl::StrCat("the kept result ", key.hex(),
                           " is wrong, and was deleted: ", why));
}

ResultVerifier::Agreement ResultVerifier::CompareKept(const util::Digest& key) {
  const std::optional<ResultCache::Kept> kept = results_->FindWithRequest(key);
  if (!kept.has_value()) return Agreement::kNotCompared;
  const util::Digest* const base =
      kept->base.has_value() ? &*kept->base : nullptr;
  if (ResultCache::KeyOf(ResultCache::QueryOf(kept->request, base)) != key) {
    counters_->Add(store::Counter::kCacheVerified);
    Reject(key, "it is of another request");
    return Agreement::kDisagreed;
  }
  return CompareAnew(key, kept->request, base, kept->result);
}

absl::Status ResultVerifier::Verify(const v1::VerifyCacheRequest& request,
                                    v1::VerifyCacheResponse* response) {
  const absl::MutexLock lock(&verify_mutex_);
  const absl::Time give_up = absl::Now() + kTimeOfACall;
  std::optional<util::Digest> after;
  if (!request.after().empty()) {
    ASSIGN_OR_RETURN(after, util::Digest::FromBinary(request.after()));
  }
  uint32_t wanted = kMaxOfACall;
  if (request.max_results() != 0 && request.max_results() < wanted) {
    wanted = request.max_results();
  }
  ASSIGN_OR_RETURN(const std::vector<util::Digest> keys,
                   results_->List(after.has_value() ? &*after : nullptr,
                                  static_cast<int>(wanted)));
  response->set_end(keys.size() < wanted);
  for (const util::Digest& key : keys) {
    if (!request.until().empty() && key.binary() > request.until()) {
      response->set_end(true);
      break;
    }
    if (absl::Now() >= give_up) {
      response->set_end(false);
      break;
    }
    switch (CompareKept(key)) {
      case Agreement::kAgreed:
        response->set_agreed(response->agreed() + 1);
        break;
      case Agreement::kDisagreed:
        response->add_disagreed(std::string(key.binary()));
        break;
      case Agreement::kNotCompared:
        response->set_not_judged(response->not_judged() + 1);
        break;
    }
    response->set_last(std::string(key.binary()));
  }
  return absl::OkStatus();
}

}  // namespace btfd::daemon
