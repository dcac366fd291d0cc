// SPDX-License-Identifier: Apache-2.0
//
// Small modules with kfuncs, finalized both ways: by the engine in process, and
// by upstream's resolve_btfids of a release on an ELF file made of the same
// parts.
#ifndef BTFD_TESTS_KFUNC_KFUNC_MODULE_H_
#define BTFD_TESTS_KFUNC_KFUNC_MODULE_H_

#include <string>

#include "absl/status/status.h"
#include "lib/engine/pipeline.h"
#include "lib/engine/testing/ids_builder.h"

namespace btfd::tests {

struct KfuncModule {
  std::string base;  // raw BTF; empty: the module's is standalone
  std::string btf;
  engine::IdsSection ids;
};

struct EngineRun {
  absl::Status status;
  engine::FinalizeOutput output;
};

// In process, by the steps of a profile ("7.2", "7.3").
EngineRun RunEngine(const KfuncModule& module, const std::string& profile,
                    bool distill);
// The same where `steps` are given.
EngineRun RunEngine(const KfuncModule& module, const engine::Steps& steps);

// Runs the release's tool as well, and says in what the two differ: verdict,
// files, bytes, warnings. Empty if they agree. `run` gets the engine's result.
std::string DifferenceFromPeer(const KfuncModule& module,
                               const std::string& profile, bool distill,
                               EngineRun* run);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_KFUNC_KFUNC_MODULE_H_
