// SPDX-License-Identifier: Apache-2.0
//
// Finalizes from raw bytes. Base, split, distilled base and .BTF_ids are all
// hostile, and the input chooses any combination of steps. The engine must give
// the same output the second time, and it must be possible to read a distilled
// and sorted BTF.
#include <memory_resource>
#include <string>

#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

engine::Steps StepsFrom(uint16_t bits) {
  engine::Steps steps;
  steps.rebase = (bits & 0x700) == 0x700;
  steps.kfuncs = static_cast<engine::KfuncSource>((bits & 3) % 3);
  steps.implicit_args = bits & 4;
  steps.kfunc_tags = bits & 8;
  steps.dedup = bits & 0x10;
  steps.distill = bits & 0x20;
  steps.sort = bits & 0x40;
  steps.resolve_ids = !(bits & 0x80);
  steps.follow_resolved_ids = bits & 0x800;
  steps.new_header_size = bits & 0x1000 ? 24 : 32;
  steps.kernel_check = bits & 0x4000;
  if (bits & 0x8000) {
    steps.encoded = static_cast<engine::LibbpfRules>(bits >> 8 & 3);
    // These cannot go with it, but a distilled base can.
    steps.rebase = steps.follow_resolved_ids = steps.kernel_check = false;
  }
  return steps;
}

engine::IdsSection IdsFrom(Parts* parts) {
  engine::IdsSection ids;
  ids.content = std::string(parts->Part().view());
  const uint8_t form = parts->Byte();
  ids.foreign_endian = form & 1;
  ids.address = form & 2 ? 0x1000 : 0;
  const int count = parts->Byte() % 32;
  for (int i = 0; i < count; ++i) {
    engine::IdSymbol symbol;
    // The fuzzer would hardly ever guess the prefix.
    symbol.name = "__BTF_ID__" + std::string(parts->Part().view());
    symbol.value = ids.address + parts->Short();
    symbol.size = parts->Short();
    ids.symbols.push_back(std::move(symbol));
  }
  return ids;
}

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

// A distilled base and its split have new headers, and sorting has checked
// their ids.
void ExpectReadable(const engine::FinalizeOutput& output) {
  std::pmr::monotonic_buffer_resource memory;
  const auto new_base =
      btf::Btf::Parse(*output.btf_base, nullptr, ".BTF.base", &memory);
  Expect(new_base.ok());
  const auto base = btf::Base::FromBtf(*new_base);
  if (!base.ok()) return;  // names that would take too long
  const auto split = btf::Btf::Parse(*output.btf, base->get(), ".BTF", &memory);
  Expect(split.ok() && split->own_count() == output.types_out);
}

}  // namespace
}  // namespace btfd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd;
  fuzz::Parts parts(data, size);
  const uint16_t bits = parts.Short();
  const engine::Steps steps = fuzz::StepsFrom(bits);
  const fuzz::ExactCopy base_bytes = parts.Part();
  const fuzz::ExactCopy split_bytes = parts.Part();
  const fuzz::ExactCopy distilled_bytes = parts.Part();

  engine::FinalizeInput input;
  input.btf = split_bytes.view();
  input.distilled_base = distilled_bytes.view();
  if (bits & 0x2000) input.ids = fuzz::IdsFrom(&parts);

  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> index;
  if (!base_bytes.view().empty()) {
    auto built = btf::Base::Build(base_bytes.view());
    if (!built.ok()) return 0;
    base = *built;
    auto built_index = btf::DedupIndex::Build(*base);
    if (built_index.ok()) index = *built_index;
    input.base = base.get();
    input.dedup_index = index.get();
    if (index == nullptr && engine::NeedsDedupIndex(steps)) return 0;
  }
  util::Arena arena;
  engine::FinalizeOutput output;
  const absl::Status status = engine::Finalize(input, steps, &arena, &output);
  // A failure must name the part that failed; a success must name none.
  fuzz::Expect(status.ok() == (output.failed_in == engine::FailedIn::kNone));
  arena.Reset();
  engine::FinalizeOutput again;
  const absl::Status second = engine::Finalize(input, steps, &arena, &again);
  fuzz::Expect(second == status && again.btf == output.btf &&
               again.btf_base == output.btf_base &&
               again.btf_ids == output.btf_ids &&
               again.warnings == output.warnings);
  if (status.ok() && steps.sort && output.btf && output.btf_base) {
    fuzz::ExpectReadable(output);
  }
  return 0;
}
