// SPDX-License-Identifier: Apache-2.0
#include "daemon/result_cache.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/engine/pipeline.h"

namespace btfd::daemon {

namespace {

// Raise it when the form of a kept answer changes.
constexpr uint64_t kFormat = 1;

void AddIds(const v1::FinalizeRequest& request, util::DigestBuilder* key) {
  key->Add(uint64_t{request.has_ids()});
  if (!request.has_ids()) return;
  const v1::IdsSection& ids = request.ids();
  key->Add(ids.content());
  key->Add(ids.address());
  key->Add(uint64_t{ids.big_endian()});
  key->Add(static_cast<uint64_t>(ids.symbols_size()));
  for (const v1::IdSymbol& symbol : ids.symbols()) {
    key->Add(symbol.name());
    key->Add(symbol.value());
    key->Add(symbol.size());
  }
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

util::Digest ResultCache::KeyOf(const v1::FinalizeRequest& request,
                                const util::Digest* base) {
  util::DigestBuilder key;
  key.Add(kFormat);
  key.Add(uint64_t{engine::kEngineVersion});
  key.Add(base == nullptr ? absl::string_view() : base->binary());
  AddSteps(request.steps(), &key);
  key.Add(request.btf());
  key.Add(request.distilled_base());
  AddIds(request, &key);
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
