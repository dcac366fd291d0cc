// SPDX-License-Identifier: Apache-2.0
#include "lib/wire/engine_run.h"

#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "lib/util/endian.h"
#include "lib/wire/outcome.h"

namespace btfd::wire {

namespace {

std::optional<engine::LibbpfRules> RulesOf(v1::EncodedBy encoded) {
  switch (encoded) {
    case v1::ENCODED_BY_LIBBPF_1_1:
      return engine::LibbpfRules::k1_1;
    case v1::ENCODED_BY_LIBBPF_1_5:
      return engine::LibbpfRules::k1_5;
    case v1::ENCODED_BY_LIBBPF_1_7:
      return engine::LibbpfRules::k1_7;
    case v1::ENCODED_BY_LIBBPF_1_8:
      return engine::LibbpfRules::k1_8;
    default:
      return std::nullopt;
  }
}

engine::Steps StepsOf(const v1::Steps& steps) {
  engine::Steps out;
  out.rebase = steps.rebase();
  out.encoded = RulesOf(steps.encoded());
  if (steps.has_interned()) {
    out.interned_forwards.emplace(steps.interned().forwards().begin(),
                                  steps.interned().forwards().end());
  }
  switch (steps.kfuncs()) {
    case v1::KFUNCS_DECL_TAGS:
      out.kfuncs = engine::KfuncSource::kDeclTags;
      break;
    case v1::KFUNCS_SET8:
      out.kfuncs = engine::KfuncSource::kSet8;
      break;
    default:
      out.kfuncs = engine::KfuncSource::kNone;
  }
  out.implicit_args = steps.implicit_args();
  out.kfunc_tags = steps.kfunc_tags();
  out.dedup = steps.dedup();
  out.distill = steps.distill();
  out.sort = steps.sort();
  out.resolve_ids = steps.resolve_ids();
  out.follow_resolved_ids = steps.follow_resolved_ids();
  out.new_header_size = steps.new_header_size();
  out.kernel_check = steps.kernel_check();
  out.base_names = steps.base_names();
  return out;
}

engine::IdsSection IdsSectionOf(const v1::IdsSection& ids) {
  engine::IdsSection out;
  out.content = ids.content();
  out.address = ids.address();
  out.foreign_endian = ids.big_endian() != util::kHostIsBigEndian;
  out.symbols.reserve(ids.symbols_size());
  for (const v1::IdSymbol& symbol : ids.symbols()) {
    out.symbols.push_back({symbol.name(), symbol.value(), symbol.size()});
  }
  return out;
}

// Moves the output into the response.
void FillResponse(engine::FinalizeOutput output,
                  v1::FinalizeResponse* response) {
  if (output.btf) response->set_btf(*std::move(output.btf));
  if (output.btf_base) response->set_btf_base(*std::move(output.btf_base));
  if (output.btf_ids) response->set_btf_ids(*std::move(output.btf_ids));
  for (std::string& warning : output.warnings) {
    response->add_warnings(std::move(warning));
  }
  response->set_types_in(output.types_in);
  response->set_types_out(output.types_out);
  if (output.kernel_checked) {
    response->set_kernel_checked(*output.kernel_checked);
  }
  if (output.base_names) {
    v1::BaseNames* const names = response->mutable_base_names();
    for (std::string& name : output.base_names->declared) {
      names->add_declared(std::move(name));
    }
    for (std::string& name : output.base_names->repeated) {
      names->add_repeated(std::move(name));
    }
  }
}

}  // namespace

EngineJob EngineJobOf(const v1::FinalizeRequest& request) {
  EngineJob job;
  job.steps = StepsOf(request.steps());
  job.input.btf = request.btf();
  job.input.distilled_base = request.distilled_base();
  if (request.has_ids()) job.input.ids = IdsSectionOf(request.ids());
  return job;
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
    // Not ours to throw, but ours to survive: one module must not take the
    // others down.
    status = absl::ResourceExhaustedError("not enough memory");
  } catch (const std::exception& e) {
    status = absl::InternalError(e.what());
  }
  response->set_engine_ns(absl::GetCurrentTimeNanos() - start);
  const engine::FailedIn failed_in = output.failed_in;
  if (status.ok()) {
    FillResponse(std::move(output), response);
  } else {
    // Upstream had printed its warnings, but written no file.
    for (std::string& warning : output.warnings) {
      response->add_warnings(std::move(warning));
    }
  }
  return {status, failed_in};
}

void Conclude(const EngineFailure& failure, v1::FinalizeResponse* response) {
  response->set_outcome(OutcomeOf(failure.status, failure.failed_in));
  if (!failure.status.ok()) {
    response->set_message(Readable(failure.status.message()));
  }
  response->set_engine_version(engine::kEngineVersion);
}

}  // namespace btfd::wire
