// SPDX-License-Identifier: Apache-2.0
//
// One run of the engine over a request: for its answer, and once more where an
// answer that was kept is to be proved.
#ifndef BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_
#define BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_

#include <functional>
#include <memory_resource>

#include "absl/status/status.h"
#include "daemon/bases/registry.h"
#include "lib/engine/pipeline.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// engine::Finalize, or what a test puts in its place to hold a request up or
// to let it fail in a way that the engine has no input for.
using FinalizeFn = std::function<absl::Status(
    const engine::FinalizeInput& input, const engine::Steps& steps,
    std::pmr::memory_resource* memory, engine::FinalizeOutput* output)>;

// A step's error, and where the engine found it.
struct EngineFailure {
  absl::Status status;
  engine::FailedIn failed_in = engine::FailedIn::kNone;
};

// What the engine is to work on. Views of the request and the base, which must
// outlive it. An error is about the base's index. `base` may be null.
struct EngineJob {
  engine::Steps steps;
  engine::FinalizeInput input;
};
EngineFailure PrepareEngine(const v1::FinalizeRequest& request,
                            const BaseRegistry::Handle* base, EngineJob* job);

// Fills the response, engine_ns included; where it fails with the warnings
// alone. No exception gets out.
EngineFailure RunEngine(const FinalizeFn& finalize, const EngineJob& job,
                        std::pmr::memory_resource* memory,
                        v1::FinalizeResponse* response);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_
