// SPDX-License-Identifier: Apache-2.0
//
// Minimizes a hostile kernel with a hostile module for a hostile BPF program.
// What comes out must be well-formed, and the same when it is done again.
#include <memory_resource>
#include <string>

#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/plain_types.h"
#include "lib/core/min_core.h"
#include "lib/core/program.h"
#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

void Minimize(const btf::Base& kernel, const btf::Btf* module,
              const core::Program& program) {
  core::MinCore min_core(kernel, 0);
  if (module != nullptr && !min_core.AddModule("module", *module).ok()) return;
  if (!min_core.AddProgram(program).ok()) return;
  const auto minimized = min_core.Write();
  if (!minimized.ok()) return;
  const auto small = btf::Base::Build(minimized->kernel);
  Expect(small.ok());
  for (const std::string& split : minimized->modules) {
    Expect(btf::Btf::Parse(split, small->get(), "module",
                           std::pmr::new_delete_resource())
               .ok());
  }
  min_core.Clear();
  Expect(min_core.AddProgram(program).ok());
  const auto again = min_core.Write();
  Expect(again.ok() && again->kernel == minimized->kernel &&
         again->modules == minimized->modules);
}

// The same with and without an index of the kernel.
void CompareWithoutIndex(absl::string_view raw, const btf::Base& base,
                         const core::Program& program) {
  const auto types = btf::PlainTypes::Parse(raw);
  Expect(types.ok());
  core::MinCore indexed(base, 0), plain(*types, 0);
  const absl::Status status = indexed.AddProgram(program);
  const absl::Status other = plain.AddProgram(program);
  // Both spend their steps in ways of their own.
  if (absl::IsResourceExhausted(status) || absl::IsResourceExhausted(other)) {
    return;
  }
  Expect(status == other);
  if (!status.ok()) return;
  const auto ours = indexed.Write();
  const auto theirs = plain.Write();
  Expect(ours.ok() == theirs.ok());
  if (ours.ok()) Expect(ours->kernel == theirs->kernel);
}

}  // namespace
}  // namespace btfd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd;
  fuzz::Parts parts(data, size);
  const fuzz::ExactCopy kernel_bytes = parts.Part();
  const fuzz::ExactCopy module_bytes = parts.Part();
  const fuzz::ExactCopy program_bytes = parts.Part();
  const fuzz::ExactCopy ext_bytes = parts.Part();
  const auto program = core::Program::Parse("program", program_bytes.view(),
                                            ext_bytes.view(), 8);
  const auto kernel = btf::Base::Build(kernel_bytes.view());
  if (!program.ok() || !kernel.ok() || (*kernel)->has_dangling_ids()) return 0;
  fuzz::Minimize(**kernel, nullptr, *program);
  fuzz::CompareWithoutIndex(kernel_bytes.view(), **kernel, *program);
  const auto module =
      btf::Btf::Parse(module_bytes.view(), kernel->get(), "module",
                      std::pmr::new_delete_resource());
  if (!module.ok() || module->has_dangling_ids()) return 0;
  fuzz::Minimize(**kernel, &*module, *program);
  const auto one = core::MinimizeAsOne(*module, 8, {&*program});
  if (one.ok()) fuzz::Expect(btf::Base::Build(*one).ok());
  return 0;
}
