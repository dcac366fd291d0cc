// SPDX-License-Identifier: Apache-2.0
#include "daemon/finalizer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "daemon/convert.h"
#include "daemon/outcome.h"
#include "lib/util/digest.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

using store::Counter;

// An id symbol is four fields and has a name of twenty bytes at least; no
// module has as many of them as it has room for.
constexpr uint64_t kMinBytesPerField = 64;
constexpr uint64_t kFewFields = 1000;

// `message` is a string of proto3, so UTF-8; names of the input may be not.
std::string Readable(absl::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80;
  });
  return ascii ? std::string(text) : absl::CHexEscape(text);
}

}  // namespace

Finalizer::Finalizer(uint64_t max_btf_bytes, FinalizeFn finalize, Work* work,
                     Workspaces* workspaces, BaseRegistry* bases,
                     ResultCache* results, ResultVerifier* verifier,
                     store::Counters* counters, util::Log* log,
                     Forwarder* forwarder)
    : max_btf_bytes_(max_btf_bytes),
      finalize_(std::move(finalize)),
      work_(work),
      workspaces_(workspaces),
      bases_(bases),
      results_(results),
      verifier_(verifier),
      counters_(counters),
      log_(log),
      forwarder_(forwarder) {}

absl::StatusOr<Work::Ticket> Finalizer::Admit(const MessageSize& size,
                                              const Patience& patience) {
  if (size.fields > max_btf_bytes_ / kMinBytesPerField + kFewFields) {
    return OutcomeError(
        v1::TOO_LARGE,
        absl::StrCat("the request has ", size.fields,
                     " fields, ids and symbols included; that is too many"));
  }
  return work_->Enter(size.Cost(), patience);
}

void Finalizer::Refuse(const MessageSize& size, const absl::Status& why,
                       v1::FinalizeResponse* response) {
  response->set_tag(size.tag);
  Conclude({why}, 0, absl::Now(), response);
}

void Finalizer::Run(const v1::FinalizeRequest& request,
                    const Patience& patience, v1::FinalizeResponse* response) {
  const absl::Time start = absl::Now();
  const Failure failure = Answer(request, patience, response);
  response->set_tag(request.tag());
  Conclude(failure, BytesIn(request), start, response);
}

void Finalizer::Conclude(const Failure& failure, uint64_t bytes_in,
                         absl::Time start, v1::FinalizeResponse* response) {
  response->set_outcome(OutcomeOf(failure.status, failure.failed_in));
  if (!failure.status.ok()) {
    response->set_message(Readable(failure.status.message()));
  }
  response->set_engine_version(engine::kEngineVersion);
  const uint64_t bytes_out = BytesOut(*response);
  counters_->Add(Counter::kRequests);
  counters_->Add(store::OutcomeCounter(response->outcome()));
  counters_->Add(Counter::kBytesIn, bytes_in);
  counters_->Add(Counter::kBytesOut, bytes_out);
  counters_->Add(Counter::kEngineNs, response->engine_ns());

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

Finalizer::Failure Finalizer::Answer(const v1::FinalizeRequest& request,
                                     const Patience& patience,
                                     v1::FinalizeResponse* response) {
  if (absl::Status status = CheckRequest(request); !status.ok()) {
    return {status};
  }
  if (absl::Status status = CheckSizes(request); !status.ok()) return {status};
  const auto digest = NameBase(request);
  if (!digest.ok()) return {digest.status()};
  const util::Digest* const base_digest =
      digest->has_value() ? &**digest : nullptr;
  const auto base = AcquireBase(*digest);
  const bool hand_on = forwarder_ != nullptr && !request.forwarded();
  // Others may have it, or the result.
  const bool is_missing = OutcomeOf(base.status()) == v1::BASE_UNKNOWN;
  if (!base.ok() && !(hand_on && is_missing)) return {base.status()};

  const bool use_cache = results_->enabled() && !request.bypass_cache();
  std::optional<v1::FindResultRequest> query;
  if (use_cache || (hand_on && !request.bypass_cache())) {
    query = ResultCache::QueryOf(request, base_digest);
  }
  util::Digest key;
  if (use_cache) {
    key = ResultCache::KeyOf(*query);
    if (auto found = results_->Find(key)) {
      *response = *std::move(found);
      counters_->Add(Counter::kCacheHits);
      if (verifier_ != nullptr) {
        verifier_->NoteHit(key, request, base_digest, *response);
      }
      RegisterResult(request, *response);
      return {};
    }
  }
  if (hand_on && HandOn(request, query, base_digest, patience, response)) {
    RegisterResult(request, *response);
    if (use_cache) Keep(key, request, base_digest, response);
    return {};
  }
  if (!base.ok()) return {base.status()};
  const BaseRegistry::Handle* handle = base->has_value() ? &**base : nullptr;
  counters_->Add(use_cache ? Counter::kCacheMisses : Counter::kCacheBypassed);

  Failure failure = RunEngine(request, handle, patience, response);
  if (!failure.status.ok()) return failure;
  RegisterResult(request, *response);
  if (use_cache) Keep(key, request, base_digest, response);
  return {};
}

// What is of this run alone is not kept.
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
                       const util::Digest* base, const Patience& patience,
                       v1::FinalizeResponse* response) {
  Forwarder::Job job;
  job.request = &request;
  job.query = query.has_value() ? &*query : nullptr;
  job.base = base;
  job.raw_base = [this, base] { return bases_->Raw(*base); };
  if (!forwarder_->Finalize(job, patience, response)) return false;
  // Of this daemon's engine, and its own version.
  response->clear_engine_ns();
  response->clear_engine_version();
  return true;
}

void Finalizer::Find(const v1::FindResultRequest& query,
                     v1::FinalizeResponse* response) {
  std::optional<v1::FinalizeResponse> found;
  if (results_->enabled() && !work_->draining() &&
      query.engine_version() == engine::kEngineVersion) {
    found = results_->Find(ResultCache::KeyOf(query));
  }
  if (found.has_value()) {
    *response = *std::move(found);
    response->set_outcome(v1::OK);
    counters_->Add(Counter::kCacheHits);
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
    return OutcomeError(
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
  const absl::StatusOr<util::Digest> found = bases_->FindByKey(key);
  counters_->Add(found.ok() ? Counter::kFileKeyHits : Counter::kFileKeyMisses);
  if (found.ok()) return std::optional<util::Digest>(*found);
  return OutcomeError(v1::BASE_KEY_UNKNOWN,
                      "the digest of the base file is not known");
}

absl::StatusOr<std::optional<BaseRegistry::Handle>> Finalizer::AcquireBase(
    const std::optional<util::Digest>& digest) {
  if (!digest.has_value()) return std::optional<BaseRegistry::Handle>();
  absl::StatusOr<BaseRegistry::Handle> handle = bases_->Acquire(*digest);
  if (absl::IsNotFound(handle.status())) {
    return OutcomeError(v1::BASE_UNKNOWN, handle.status().message());
  }
  RETURN_IF_ERROR(handle.status());
  return std::optional<BaseRegistry::Handle>(*std::move(handle));
}

Finalizer::Failure Finalizer::RunEngine(const v1::FinalizeRequest& request,
                                        const BaseRegistry::Handle* base,
                                        const Patience& patience,
                                        v1::FinalizeResponse* response) {
  EngineJob job;
  Failure failure = PrepareEngine(request, base, &job);
  if (!failure.status.ok()) return failure;
  const Workspaces::Loan workspace = workspaces_->Borrow();
  if (patience.IsCancelled()) {
    return {OutcomeError(v1::CANCELLED, "given up by the client")};
  }
  return daemon::RunEngine(finalize_, job, workspace.arena(), response);
}

// The module is finished all the same if this fails; the next one sends its
// base then.
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
