// SPDX-License-Identifier: Apache-2.0
//
// A request, as a message, through the engine, and the answer as a message: in
// a daemon, and in a client that has no daemon. Both give the same answer, to
// the letter of its errors.
#ifndef BTFD_LIB_WIRE_ENGINE_RUN_H_
#define BTFD_LIB_WIRE_ENGINE_RUN_H_

#include <functional>
#include <memory_resource>

#include "absl/status/status.h"
#include "lib/engine/pipeline.h"
#include "lib/wire/messages.h"

namespace btfd::wire {

// engine::Finalize, or what a test puts in its place to hold a request up or
// to let it fail in a way that the engine has no input for.
using FinalizeFn = std::function<absl::Status(
    const engine::FinalizeInput& input, const engine::Steps& steps,
    std::pmr::memory_resource* memory, engine::FinalizeOutput* output)>;

// What the engine is to work on. Views of the request and the base, which must
// outlive it.
struct EngineJob {
  engine::Steps steps;
  engine::FinalizeInput input;
};

// All but the base, which the caller adds, with its dedup index where
// engine::NeedsDedupIndex says so.
EngineJob EngineJobOf(const v1::FinalizeRequest& request);

// An error, and where in the input it is.
struct EngineFailure {
  absl::Status status;
  engine::FailedIn failed_in = engine::FailedIn::kNone;
};

// Fills the response, engine_ns included; where it fails with the warnings
// alone. No exception gets out.
EngineFailure RunEngine(const FinalizeFn& finalize, const EngineJob& job,
                        std::pmr::memory_resource* memory,
                        v1::FinalizeResponse* response);

// Outcome, message and engine version of a response.
void Conclude(const EngineFailure& failure, v1::FinalizeResponse* response);

}  // namespace btfd::wire

#endif  // BTFD_LIB_WIRE_ENGINE_RUN_H_
