// SPDX-License-Identifier: Apache-2.0
#include "daemon/finalize/engine_run.h"

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "daemon/wire/convert.h"

namespace btfd::daemon {

EngineFailure PrepareEngine(const v1::FinalizeRequest& request,
                            const BaseRegistry::Handle* base, EngineJob* job) {
  job->steps = StepsOf(request.steps());
  job->input.btf = request.btf();
  job->input.distilled_base = request.distilled_base();
  if (request.has_ids()) job->input.ids = IdsSectionOf(request.ids());
  if (base == nullptr) return {};
  job->input.base = &base->base();
  if (engine::NeedsDedupIndex(job->steps)) {
    const auto index = base->dedup_index();
    if (!index.ok()) return {index.status(), engine::FailedIn::kBase};
    job->input.dedup_index = *index;
  }
  return {};
}

EngineFailure RunEngine(const FinalizeFn& finalize, const EngineJob& job,
                        std::pmr::memory_resource* memory,
                        v1::FinalizeResponse* response) {
  engine::FinalizeOutput output;
  absl::Status status;
  const int64_t start = absl::GetCurrentTimeNanos();
  try {
    status = finalize(job.input, job.steps, memory, &output);
  } catch (const std::bad_alloc&) {
    // The engine throws nothing itself. But an exception of one module must not
    // end the daemon for the others.
    status = absl::ResourceExhaustedError("not enough memory");
  } catch (const std::exception& e) {
    status = absl::InternalError(e.what());
  }
  response->set_engine_ns(absl::GetCurrentTimeNanos() - start);
  const engine::FailedIn failed_in = output.failed_in;
  if (status.ok()) {
    FillResponse(std::move(output), response);
  } else {
    // Upstream would have printed its warnings, but written no file.
    for (std::string& warning : output.warnings) {
      response->add_warnings(std::move(warning));
    }
  }
  return {status, failed_in};
}

}  // namespace btfd::daemon
