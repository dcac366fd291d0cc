// SPDX-License-Identifier: Apache-2.0
//
// What a run of the engine needs of the registry: for an answer, and once more
// where an answer that was kept is to be proved. The run itself is in lib/wire.
#ifndef BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_
#define BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_

#include "daemon/bases/registry.h"
#include "lib/wire/engine_run.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// The input of the engine. It has views of the request and the base, which must
// outlive it. An error is about the base's index. `base` may be null.
wire::EngineFailure PrepareEngine(const v1::FinalizeRequest& request,
                                  const BaseRegistry::Handle* base,
                                  wire::EngineJob* job);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_FINALIZE_ENGINE_RUN_H_
