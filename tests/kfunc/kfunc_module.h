// SPDX-License-Identifier: Apache-2.0
//
// Small modules with kfuncs, finalized both by the engine in this process and
// by upstream's resolve_btfids of a release, on an ELF file with the same
// parts.
#ifndef BTFD_TESTS_KFUNC_KFUNC_MODULE_H_
#define BTFD_TESTS_KFUNC_KFUNC_MODULE_H_

#include <string>

#include "absl/status/status.h"
#include "lib/engine/pipeline.h"
#include "lib/engine/testing/ids_builder.h"

namespace btfd::tests {

struct KfuncModule {
  std::string base;  // raw BTF; empty: standalone module
  std::string btf;
  engine::IdsSection ids;
};

struct EngineRun {
  absl::Status status;
  engine::FinalizeOutput output;
};

// Runs the engine with the steps of a profile ("7.2", "7.3").
EngineRun RunEngine(const KfuncModule& module, const std::string& profile,
                    bool distill);
// Runs the engine with these steps.
EngineRun RunEngine(const KfuncModule& module, const engine::Steps& steps);

// Also runs the release's tool. Returns how the two differ in success, files,
// bytes or warnings; empty if they do not. `run` gets the engine's result.
std::string DifferenceFromPeer(const KfuncModule& module,
                               const std::string& profile, bool distill,
                               EngineRun* run);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_KFUNC_KFUNC_MODULE_H_
