// SPDX-License-Identifier: Apache-2.0
#include "tests/kfunc/kfunc_module.h"

#include <elf.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/util/arena.h"
#include "tests/support/peer.h"
#include "tests/support/process.h"
#include "tests/support/profile_steps.h"
#include "tests/support/testdata.h"

namespace btfd::tests {

namespace {

std::string ElfOf(const KfuncModule& module) {
  elf::ElfForm form;
  form.big_endian = module.ids.foreign_endian;
  elf::ElfBuilder elf(form);
  elf.AddSection(".BTF", module.btf);
  const uint32_t ids = elf.AddSection(".BTF_ids", module.ids.content);
  elf.header(ids).sh_flags = SHF_ALLOC;
  elf.header(ids).sh_addr = module.ids.address;
  elf.header(ids).sh_addralign = 4;
  // There must be a symbol table even if no id is asked for.
  elf.AddSymbol("module_init", ids, 0, 0);
  for (const engine::IdSymbol& symbol : module.ids.symbols) {
    elf.AddSymbol(symbol.name, ids, symbol.value, symbol.size);
  }
  return elf.Build();
}

void Compare(const std::string& what, const std::optional<std::string>& ours,
             const std::optional<std::string>& theirs,
             std::string* difference) {
  if (ours.has_value() != theirs.has_value()) {
    absl::StrAppend(difference, what,
                    ours.has_value() ? " is made" : " is not made",
                    " by the engine alone\n");
  } else if (ours != theirs) {
    absl::StrAppend(difference, what, " differs\n");
  }
}

}  // namespace

EngineRun RunEngine(const KfuncModule& module, const engine::Steps& steps) {
  EngineRun run;
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> index;
  engine::FinalizeInput input;
  input.btf = module.btf;
  input.ids = module.ids;
  if (!module.base.empty()) {
    auto built = btf::Base::Build(module.base);
    if (!built.ok()) return {built.status(), {}};
    base = *built;
    auto indexed = btf::DedupIndex::Build(*base);
    if (!indexed.ok()) return {indexed.status(), {}};
    index = *indexed;
    input.base = base.get();
    input.dedup_index = index.get();
  }
  util::Arena arena;
  run.status = engine::Finalize(input, steps, &arena, &run.output);
  return run;
}

EngineRun RunEngine(const KfuncModule& module, const std::string& profile,
                    bool distill) {
  return RunEngine(module, StepsForProfile(profile, distill));
}

std::string DifferenceFromPeer(const KfuncModule& module,
                               const std::string& profile, bool distill,
                               EngineRun* run) {
  const absl::StatusOr<std::string> tool = FindPeer(profile);
  if (!tool.ok()) return tool.status().ToString();
  ScratchDir scratch;
  WriteFile(scratch.file("module.ko"), ElfOf(module));
  std::vector<std::string> arguments;
  if (!module.base.empty()) {
    WriteFile(scratch.file("base.btf"), module.base);
    arguments = {"-b", scratch.file("base.btf")};
  }
  if (distill) arguments.push_back("--distill_base");
  const ResolveResult peer =
      RunResolveBtfids({*tool}, arguments, scratch.file("module.ko"));

  *run = RunEngine(module, profile, distill);
  std::string difference;
  if (run->status.ok() != (peer.exit_code == 0)) {
    return absl::StrCat("the peer exits with ", peer.exit_code, " (", peer.err,
                        "), the engine says ", run->status.ToString());
  }
  if (!run->status.ok()) return "";
  Compare(".BTF", run->output.btf, peer.btf, &difference);
  Compare(".BTF.base", run->output.btf_base, peer.btf_base, &difference);
  Compare(".BTF_ids", run->output.btf_ids, peer.btf_ids, &difference);
  std::string warnings;
  for (const std::string& line : run->output.warnings) {
    absl::StrAppend(&warnings, line, "\n");
  }
  if (warnings != peer.err) {
    absl::StrAppend(&difference, "the peer warns\n", peer.err,
                    "the engine warns\n", warnings);
  }
  return difference;
}

}  // namespace btfd::tests
