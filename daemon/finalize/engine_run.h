// SPDX-License-Identifier: Apache-2.0
//
// One run of the engine over a request: to answer it, or to verify an answer
// that was kept.
#ifndef BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_
#define BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_

#include <functional>
#include <memory_resource>

#include "absl/status/status.h"
#include "daemon/bases/registry.h"
#include "lib/engine/pipeline.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// engine::Finalize(), or a test's function that delays a request or lets it
// fail in a way that no input can.
using FinalizeFn = std::function<absl::Status(
    const engine::FinalizeInput& input, const engine::Steps& steps,
    std::pmr::memory_resource* memory, engine::FinalizeOutput* output)>;

// An error of the engine, and in which part of the input it found the fault.
struct EngineFailure {
  absl::Status status;
  engine::FailedIn failed_in = engine::FailedIn::kNone;
};

// The input of the engine. It has views of the request and the base, which must
// outlive it. An error is about the base's index. `base` may be null.
struct EngineJob {
  engine::Steps steps;
  engine::FinalizeInput input;
};
EngineFailure PrepareEngine(const v1::FinalizeRequest& request,
                            const BaseRegistry::Handle* base, EngineJob* job);

// Fills the response, with engine_ns. If the engine fails, fills in the
// warnings only. Catches every exception.
EngineFailure RunEngine(const FinalizeFn& finalize, const EngineJob& job,
                        std::pmr::memory_resource* memory,
                        v1::FinalizeResponse* response);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_
