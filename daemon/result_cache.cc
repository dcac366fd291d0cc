// SPDX-License-Identifier: Apache-2.0
#include "daemon/result_cache.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/engine/pipeline.h"

namespace btfd::daemon {

namespace {

// Raise it when the form of a kept answer or of its key changes.
constexpr uint64_t kFormat = 2;

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
  const absl::StatusOr<std::string> value = store_->GetResult(key);
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
                       const v1::FinalizeResponse& response) const {
  if (store_ == nullptr) return;
  // engine_ns and tag are of this run, and still 0 here.
  store_->PutResult(key, response.SerializeAsString());
}

}  // namespace btfd::daemon
