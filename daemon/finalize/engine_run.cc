// SPDX-License-Identifier: Apache-2.0
#include "daemon/finalize/engine_run.h"

namespace btfd::daemon {

wire::EngineFailure PrepareEngine(const v1::FinalizeRequest& request,
                                  const BaseRegistry::Handle* base,
                                  wire::EngineJob* job) {
  *job = wire::EngineJobOf(request);
  if (base == nullptr) return {};
  job->input.base = &base->base();
  if (engine::NeedsDedupIndex(job->steps)) {
    const auto index = base->dedup_index();
    if (!index.ok()) return {index.status(), engine::FailedIn::kBase};
    job->input.dedup_index = *index;
  }
  return {};
}

}  // namespace btfd::daemon
