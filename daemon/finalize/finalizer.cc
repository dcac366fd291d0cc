// SPDX-License-Identifier: Apache-2.0
#include "daemon/finalize/finalizer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "daemon/finalize/trace.h"
#include "daemon/wire/convert.h"
#include "lib/util/digest.h"
#include "lib/util/status_macros.h"
#include "lib/wire/outcome.h"

namespace btfd::daemon {

namespace {

using store::Counter;

// An id symbol has four fields and a name of at least twenty bytes. No module
// has as many symbols as there is room for.
constexpr uint64_t kMinBytesPerField = 64;
constexpr uint64_t kFewFields = 1000;

}  // namespace

Finalizer::Finalizer(uint64_t max_btf_bytes, wire::FinalizeFn finalize,
                     AdmissionControl* admission, Workspaces* workspaces,
                     BaseRegistry* bases, FileKeyTable* file_keys,
                     ResultCache* results, ResultVerifier* verifier,
                     store::Counters* counters, util::Log* log,
                     Forwarder* forwarder, SharedCache* shared,
                     StageLatencies* latencies)
    : max_btf_bytes_(max_btf_bytes),
      finalize_(std::move(finalize)),
      admission_(admission),
      workspaces_(workspaces),
      bases_(bases),
      file_keys_(file_keys),
      results_(results),
      verifier_(verifier),
      counters_(counters),
      log_(log),
      forwarder_(forwarder),
      shared_(shared),
      latencies_(latencies) {}

absl::StatusOr<AdmissionControl::Ticket> Finalizer::Admit(
    const MessageSize& size, const util::CallDeadline& call_deadline) {
  if (size.fields > max_btf_bytes_ / kMinBytesPerField + kFewFields) {
    return wire::OutcomeError(
        v1::TOO_LARGE,
        absl::StrCat("the request has ", size.fields,
                     " fields, ids and symbols included; that is too many"));
  }
  const absl::Time start = absl::Now();
  auto ticket = admission_->Enter(size.Cost(), call_deadline);
  if (latencies_ != nullptr) latencies_->wait.Add(absl::Now() - start);
  return ticket;
}

void Finalizer::Refuse(const MessageSize& size, const absl::Status& why,
                       v1::FinalizeResponse* response) {
  response->set_tag(size.tag);
  Conclude({why}, 0, absl::Now(), response);
}

void Finalizer::Run(const v1::FinalizeRequest& request,
                    const util::CallDeadline& call_deadline,
                    v1::FinalizeResponse* response) {
  Job job(request, call_deadline, response);
  if (!AnswerWithoutSharedCache(&job))
    AnswerAfterSharedCache(AskShared(*job.query, call_deadline), &job);
  RecordOutcome(&job);
}

std::optional<v1::FinalizeResponse> Finalizer::AskShared(
    const v1::FindResultRequest& query,
    const util::CallDeadline& call_deadline) {
  std::optional<v1::FinalizeResponse> found;
  absl::Notification asked;
  shared_->Find(query, call_deadline.time,
                [&](std::optional<v1::FinalizeResponse> answer) {
                  found = std::move(answer);
                  asked.Notify();
                });
  asked.WaitForNotification();
  return found;
}

void Finalizer::Start(std::shared_ptr<const v1::FinalizeRequest> request,
                      const util::CallDeadline& call_deadline,
                      v1::FinalizeResponse* response, Later later,
                      std::function<void()> done) {
  // std::function needs a copyable object.
  auto job = std::make_shared<Job>(*request, call_deadline, response);
  if (AnswerWithoutSharedCache(job.get())) {
    RecordOutcome(job.get());
    done();
    return;
  }
  shared_->Find(
      *job->query, call_deadline.time,
      [this, request, job, later = std::move(later),
       done = std::move(done)](std::optional<v1::FinalizeResponse> answer) {
        auto found = std::make_shared<std::optional<v1::FinalizeResponse>>(
            std::move(answer));
        later([this, request, job, found, done] {
          AnswerAfterSharedCache(std::move(*found), job.get());
          RecordOutcome(job.get());
          done();
        });
      });
}

void Finalizer::AddSpans(const Job& job) {
  if (!job.request.trace()) return;
  // The rest of the work may have been done by another thread, once the shared
  // cache had answered.
  const uint32_t thread = util::ThreadNumber();
  AddSpan("request", job.start_ns, util::MonotonicNs(),
          thread == job.start_thread ? thread : 0, job.response);
  if (job.engine_end_ns != 0) {
    AddSpan("engine", job.engine_start_ns, job.engine_end_ns, thread,
            job.response);
  }
}

void Finalizer::RecordOutcome(Job* job) {
  job->response->set_tag(job->request.tag());
  AddSpans(*job);
  Conclude(job->failure, BytesIn(job->request), job->start, job->response);
}

void Finalizer::Conclude(const Failure& failure, uint64_t bytes_in,
                         absl::Time start, v1::FinalizeResponse* response) {
  wire::Conclude(failure, response);
  const uint64_t bytes_out = BytesOut(*response);
  counters_->Add(Counter::kRequests);
  counters_->Add(store::OutcomeCounter(response->outcome()));
  counters_->Add(Counter::kBytesIn, bytes_in);
  counters_->Add(Counter::kBytesOut, bytes_out);
  counters_->Add(Counter::kEngineNs, response->engine_ns());
  if (latencies_ != nullptr) {
    latencies_->total.Add(absl::Now() - start);
    if (!response->cached() && response->engine_ns() > 0) {
      latencies_->engine.Add(absl::Nanoseconds(response->engine_ns()));
    }
  }

  const bool internal = response->outcome() == v1::INTERNAL;
  const util::LogLevel level =
      internal ? util::LogLevel::kError : util::LogLevel::kDebug;
  if (!log_->enabled(level)) return;
  log_->Write(
      level, absl::StrFormat(
                 "finalize: %d bytes in, %d out, %s%s, %d us, engine %d us%s%s",
                 bytes_in, bytes_out, v1::Outcome_Name(response->outcome()),
                 response->cached() ? " (cached)" : "",
                 absl::ToInt64Microseconds(absl::Now() - start),
                 response->engine_ns() / 1000,
                 response->message().empty() ? "" : ": ", response->message()));
}

absl::Status Finalizer::Check(Job* job) {
  RETURN_IF_ERROR(CheckRequest(job->request));
  RETURN_IF_ERROR(CheckSizes(job->request));
  ASSIGN_OR_RETURN(job->base_digest, NameBase(job->request));
  job->base = AcquireBase(job->base_digest);
  job->hand_on = forwarder_ != nullptr && !job->request.forwarded();
  // Another daemon or the shared cache may have the base, or the result.
  const bool others = job->hand_on || shared_ != nullptr;
  const bool is_missing =
      wire::OutcomeOf(job->base.status()) == v1::BASE_UNKNOWN;
  return others && is_missing ? absl::OkStatus() : job->base.status();
}

bool Finalizer::AnswerWithoutSharedCache(Job* job) {
  job->failure = {Check(job)};
  if (!job->failure.status.ok()) return true;
  const bool may_find = !job->request.bypass_cache();
  const bool others = job->hand_on || shared_ != nullptr;
  job->use_cache = results_->enabled() && may_find;
  if (job->use_cache || (others && may_find)) {
    job->query = ResultCache::QueryOf(job->request, job->base_name());
  }
  if (job->use_cache) {
    job->key = ResultCache::KeyOf(*job->query);
    if (auto found = results_->Find(job->key)) {
      *job->response = *std::move(found);
      counters_->Add(Counter::kCacheHits);
      NoteHit(*job);
      RegisterResult(job->request, *job->response);
      return true;
    }
  }
  if (shared_ != nullptr && may_find) return false;
  AnswerAfterSharedCache(std::nullopt, job);
  return true;
}

void Finalizer::AnswerAfterSharedCache(
    std::optional<v1::FinalizeResponse> found, Job* job) {
  v1::FinalizeResponse* const response = job->response;
  const bool from_shared = found.has_value();
  bool computed = false;
  if (from_shared) {
    *response = *std::move(found);
  } else if (!job->hand_on ||
             !HandOn(job->request, job->query, job->base_name(),
                     job->call_deadline, response)) {
    job->failure = Compute(job);
    if (!job->failure.status.ok()) return;
    computed = true;
  }
  RegisterResult(job->request, *response);
  if (job->use_cache) {
    Keep(job->key, job->request, job->base_name(), response);
    // A result of the shared cache is checked like a kept one.
    if (from_shared) NoteHit(*job);
  }
  if (computed && shared_ != nullptr && job->query.has_value()) {
    shared_->Keep(*job->query, job->request, *response);
  }
}

void Finalizer::NoteHit(const Job& job) {
  if (verifier_ == nullptr) return;
  verifier_->NoteHit(job.key, job.request, job.base_name(), *job.response);
}

Finalizer::Failure Finalizer::Compute(Job* job) {
  // A client of this machine can send the base at once. A client of another
  // machine may be far away.
  if (!job->base.ok() && shared_ != nullptr && job->request.forwarded()) {
    absl::StatusOr<BaseRegistry::Handle> fetched =
        bases_->Fetch(*job->base_digest);
    if (fetched.ok()) {
      job->base = std::optional<BaseRegistry::Handle>(*std::move(fetched));
    }
  }
  if (!job->base.ok()) return {job->base.status()};
  counters_->Add(job->use_cache ? Counter::kCacheMisses
                                : Counter::kCacheBypassed);
  const bool traced = job->request.trace();
  if (traced) job->engine_start_ns = util::MonotonicNs();
  const Failure failure =
      RunEngine(job->request, job->base->has_value() ? &**job->base : nullptr,
                job->call_deadline, job->response);
  if (traced) job->engine_end_ns = util::MonotonicNs();
  return failure;
}

// Fields that belong to this run alone are not kept.
void Finalizer::Keep(const util::Digest& key,
                     const v1::FinalizeRequest& request,
                     const util::Digest* base, v1::FinalizeResponse* response) {
  response->set_outcome(v1::OK);
  const uint64_t engine_ns = response->engine_ns();
  const bool cached = response->cached();
  response->clear_engine_ns();
  response->clear_cached();
  results_->Keep(key, request, base, *response);
  response->set_engine_ns(engine_ns);
  response->set_cached(cached);
}

bool Finalizer::HandOn(const v1::FinalizeRequest& request,
                       const std::optional<v1::FindResultRequest>& query,
                       const util::Digest* base,
                       const util::CallDeadline& call_deadline,
                       v1::FinalizeResponse* response) {
  Forwarder::Job job;
  job.request = &request;
  job.query = query.has_value() ? &*query : nullptr;
  job.base = base;
  job.raw_base = [this, base] { return bases_->Raw(*base); };
  if (!forwarder_->Finalize(job, call_deadline, response)) return false;
  // These fields are about the remote daemon's engine; this daemon sets its
  // own.
  response->clear_engine_ns();
  response->clear_engine_version();
  response->clear_spans();
  return true;
}

void Finalizer::Find(const v1::FindResultRequest& query,
                     const util::CallDeadline& call_deadline,
                     v1::FinalizeResponse* response) {
  std::optional<v1::FinalizeResponse> found;
  if (!admission_->draining() &&
      query.engine_version() == engine::kEngineVersion) {
    if (results_->enabled()) found = results_->Find(ResultCache::KeyOf(query));
    if (found.has_value()) {
      counters_->Add(Counter::kCacheHits);
    } else if (shared_ != nullptr) {
      found = AskShared(query, call_deadline);
    }
  }
  if (found.has_value()) {
    *response = *std::move(found);
    response->set_outcome(v1::OK);
    counters_->Add(Counter::kRequests);
    counters_->Add(Counter::kBytesOut, BytesOut(*response));
  } else {
    response->set_outcome(v1::RESULT_UNKNOWN);
  }
  response->set_engine_version(engine::kEngineVersion);
  counters_->Add(store::OutcomeCounter(response->outcome()));
}

absl::Status Finalizer::CheckSizes(const v1::FinalizeRequest& request) const {
  const struct {
    absl::string_view what;
    size_t size;
  } parts[] = {{".BTF", request.btf().size()},
               {".BTF.base", request.distilled_base().size()},
               {".BTF_ids", request.ids().content().size()}};
  for (const auto& part : parts) {
    if (part.size <= max_btf_bytes_) continue;
    return wire::OutcomeError(
        v1::TOO_LARGE,
        absl::StrCat(part.what, " has ", part.size, " bytes; at most ",
                     max_btf_bytes_, " are taken (max_btf_bytes)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<util::Digest>> Finalizer::NameBase(
    const v1::FinalizeRequest& request) {
  if (!request.has_base()) return std::optional<util::Digest>();
  const v1::BaseRef& ref = request.base();
  if (!ref.digest().empty()) {
    ASSIGN_OR_RETURN(const util::Digest digest,
                     util::Digest::FromBinary(ref.digest()));
    return std::optional<util::Digest>(digest);
  }
  ASSIGN_OR_RETURN(const store::FileKey key, FileKeyOf(ref.file_key()));
  const absl::StatusOr<util::Digest> found = file_keys_->Find(key);
  counters_->Add(found.ok() ? Counter::kFileKeyHits : Counter::kFileKeyMisses);
  if (found.ok()) return std::optional<util::Digest>(*found);
  return wire::OutcomeError(v1::BASE_KEY_UNKNOWN,
                            "the digest of the base file is not known");
}

absl::StatusOr<std::optional<BaseRegistry::Handle>> Finalizer::AcquireBase(
    const std::optional<util::Digest>& digest) {
  if (!digest.has_value()) return std::optional<BaseRegistry::Handle>();
  absl::StatusOr<BaseRegistry::Handle> handle = bases_->Acquire(*digest);
  if (absl::IsNotFound(handle.status())) {
    return wire::OutcomeError(v1::BASE_UNKNOWN, handle.status().message());
  }
  RETURN_IF_ERROR(handle.status());
  return std::optional<BaseRegistry::Handle>(*std::move(handle));
}

Finalizer::Failure Finalizer::RunEngine(const v1::FinalizeRequest& request,
                                        const BaseRegistry::Handle* base,
                                        const util::CallDeadline& call_deadline,
                                        v1::FinalizeResponse* response) {
  wire::EngineJob job;
  Failure failure = PrepareEngine(request, base, &job);
  if (!failure.status.ok()) return failure;
  const Workspaces::Loan workspace = workspaces_->Borrow();
  if (call_deadline.IsCancelled()) {
    return {wire::OutcomeError(v1::CANCELLED, "given up by the client")};
  }
  return wire::RunEngine(finalize_, job, workspace.arena(), response);
}

// If this fails, the module is finalized all the same. The next module then
// sends its base.
void Finalizer::RegisterResult(const v1::FinalizeRequest& request,
                               const v1::FinalizeResponse& response) {
  if (!request.register_result()) return;
  const std::string& raw = response.has_btf() ? response.btf() : request.btf();
  const auto base =
      bases_->Add(util::Digest::Of(raw), raw, "finalized by this daemon");
  if (!base.ok()) {
    log_->Warning(absl::StrCat("result not registered as a base: ",
                               base.status().message()));
  }
}

}  // namespace btfd::daemon
