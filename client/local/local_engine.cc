// SPDX-License-Identifier: Apache-2.0
#include "client/local/local_engine.h"

#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "lib/util/status_macros.h"
#include "lib/wire/engine_run.h"

namespace btfd::client {

absl::StatusOr<LocalEngine::Indexed> LocalEngine::IndexOf(BaseFile* base,
                                                          bool dedup) {
  const absl::MutexLock lock(&mutex_);
  Indexed& indexed = bases_[base];
  if (!indexed.defect.ok()) return indexed;
  const auto found_defect = [&](const absl::Status& status) {
    indexed.defect = absl::Status(
        status.code(), absl::StrCat(base->path(), ": ", status.message()));
    return indexed;
  };
  if (indexed.base == nullptr) {
    ASSIGN_OR_RETURN(const absl::string_view bytes, base->bytes());
    auto built = btf::Base::Build(bytes);
    if (!built.ok()) return found_defect(built.status());
    indexed.base = *std::move(built);
  }
  if (dedup && indexed.dedup == nullptr) {
    auto built = btf::DedupIndex::Build(*indexed.base);
    if (!built.ok()) return found_defect(built.status());
    indexed.dedup = *std::move(built);
  }
  return indexed;
}

absl::StatusOr<v1::FinalizeResponse> LocalEngine::Finalize(
    const v1::FinalizeRequest& request, BaseFile* base) {
  try {
    return Run(request, base);
  } catch (const std::bad_alloc&) {
    // Not ours to throw, but ours to tell: a process may have little memory.
    return absl::ResourceExhaustedError("not enough memory");
  }
}

absl::StatusOr<v1::FinalizeResponse> LocalEngine::Run(
    const v1::FinalizeRequest& request, BaseFile* base) {
  v1::FinalizeResponse response;
  response.set_tag(request.tag());
  wire::EngineJob job = wire::EngineJobOf(request);
  Indexed indexed;
  if (base != nullptr) {
    ASSIGN_OR_RETURN(indexed,
                     IndexOf(base, engine::NeedsDedupIndex(job.steps)));
  }
  if (!indexed.defect.ok()) {
    wire::Conclude({indexed.defect, engine::FailedIn::kBase}, &response);
    return response;
  }
  job.input.base = indexed.base.get();
  job.input.dedup_index = indexed.dedup.get();
  util::Arena arena;
  wire::Conclude(wire::RunEngine(engine::Finalize, job, &arena, &response),
                 &response);
  return response;
}

}  // namespace btfd::client
