// SPDX-License-Identifier: Apache-2.0
#include "daemon/results/result_cache.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/engine/pipeline.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

// Raise it when the form of a kept answer or of its key changes.
constexpr uint64_t kFormat = 3;

void SetContent(absl::string_view bytes, v1::Content* content) {
  content->set_digest(std::string(util::Digest::Of(bytes).binary()));
  content->set_size(bytes.size());
}

void AddContent(bool is_there, const v1::Content& content,
                util::DigestBuilder* key) {
  key->Add(uint64_t{is_there});
  key->Add(content.digest());
  key->Add(uint64_t{content.size()});
}

void AddSteps(const v1::Steps& steps, util::DigestBuilder* key) {
  key->Add(uint64_t{steps.rebase()});
  key->Add(static_cast<uint64_t>(steps.kfuncs()));
  key->Add(uint64_t{steps.implicit_args()});
  key->Add(uint64_t{steps.kfunc_tags()});
  key->Add(uint64_t{steps.dedup()});
  key->Add(uint64_t{steps.distill()});
  key->Add(uint64_t{steps.sort()});
  key->Add(uint64_t{steps.resolve_ids()});
  key->Add(uint64_t{steps.follow_resolved_ids()});
  key->Add(uint64_t{steps.new_header_size()});
  key->Add(static_cast<uint64_t>(steps.encoded()));
  key->Add(uint64_t{steps.base_names()});
  key->Add(uint64_t{steps.has_interned()});
  key->Add(uint64_t(steps.interned().forwards_size()));
  for (const uint32_t id : steps.interned().forwards()) key->Add(uint64_t{id});
}

// The head of a kept request. A result that was made by other rules must not be
// judged by these rules.
std::string Version() {
  const uint32_t versions[] = {static_cast<uint32_t>(kFormat),
                               engine::kEngineVersion};
  return std::string(reinterpret_cast<const char*>(versions), sizeof(versions));
}

// The request as it came, and behind it the digest of its base. The parser
// merges both, as Protobuf does with fields that occur twice. So there is only
// one copy of what may be megabytes.
std::string Pack(const v1::FinalizeRequest& request, const util::Digest* base) {
  std::string packed = Version();
  request.AppendToString(&packed);
  if (base != nullptr) {
    v1::FinalizeRequest resolved;
    resolved.mutable_base()->set_digest(std::string(base->binary()));
    resolved.AppendToString(&packed);
  }
  return packed;
}

bool Unpack(absl::string_view packed, v1::FinalizeRequest* request) {
  const std::string version = Version();
  if (!absl::ConsumePrefix(&packed, version)) return false;
  return request->ParseFromArray(packed.data(),
                                 static_cast<int>(packed.size()));
}

}  // namespace

v1::FindResultRequest ResultCache::QueryOf(const v1::FinalizeRequest& request,
                                           const util::Digest* base) {
  v1::FindResultRequest query;
  query.set_engine_version(engine::kEngineVersion);
  if (base != nullptr) query.set_base_digest(std::string(base->binary()));
  *query.mutable_steps() = request.steps();
  SetContent(request.btf(), query.mutable_btf());
  if (!request.distilled_base().empty()) {
    SetContent(request.distilled_base(), query.mutable_distilled_base());
  }
  if (request.has_ids()) {
    SetContent(request.ids().SerializeAsString(), query.mutable_ids());
  }
  return query;
}

util::Digest ResultCache::KeyOf(const v1::FindResultRequest& query) {
  util::DigestBuilder key;
  key.Add(kFormat);
  key.Add(uint64_t{query.engine_version()});
  key.Add(query.base_digest());
  AddSteps(query.steps(), &key);
  AddContent(query.has_btf(), query.btf(), &key);
  AddContent(query.has_distilled_base(), query.distilled_base(), &key);
  AddContent(query.has_ids(), query.ids(), &key);
  return key.Finish();
}

std::optional<v1::FinalizeResponse> ResultCache::Find(
    const util::Digest& key) const {
  if (store_ == nullptr) return std::nullopt;
  return Parse(store_->GetResult(key));
}

std::optional<v1::FinalizeResponse> ResultCache::Parse(
    const absl::StatusOr<std::string>& value) const {
  if (!value.ok()) {
    if (!absl::IsNotFound(value.status())) {
      log_->Warning(absl::StrCat("store: result: ", value.status().message()));
    }
    return std::nullopt;
  }
  v1::FinalizeResponse response;
  if (!response.ParseFromString(*value) || response.outcome() != v1::OK) {
    log_->Warning("store: a kept result is not one");
    return std::nullopt;
  }
  response.set_cached(true);
  return response;
}

void ResultCache::Keep(const util::Digest& key,
                       const v1::FinalizeRequest& request,
                       const util::Digest* base,
                       const v1::FinalizeResponse& response) const {
  if (store_ == nullptr) return;
  // engine_ns and tag belong to this run, and are still 0 here.
  store_->PutResult(key, response.SerializeAsString(), Pack(request, base));
}

void ResultCache::Remove(const util::Digest& key) const {
  if (store_ != nullptr) store_->RemoveResult(key);
}

std::optional<ResultCache::Kept> ResultCache::FindWithRequest(
    const util::Digest& key) const {
  if (store_ == nullptr) return std::nullopt;
  const absl::StatusOr<std::string> request = store_->GetRequest(key);
  if (!request.ok()) return std::nullopt;
  Kept kept;
  if (!Unpack(*request, &kept.request)) return std::nullopt;
  if (!kept.request.base().digest().empty()) {
    const auto base = util::Digest::FromBinary(kept.request.base().digest());
    if (!base.ok()) return std::nullopt;
    kept.base = *base;
  }
  std::optional<v1::FinalizeResponse> result = Parse(store_->PeekResult(key));
  if (!result.has_value()) return std::nullopt;
  kept.result = *std::move(result);
  return kept;
}

absl::StatusOr<std::vector<util::Digest>> ResultCache::List(
    const util::Digest* after, int limit) const {
  if (store_ == nullptr) return std::vector<util::Digest>();
  RETURN_IF_ERROR(store_->Flush());
  return store_->ListResults(after, limit);
}

}  // namespace btfd::daemon
