// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/dedup/native.h"

#include <cstring>
#include <optional>
#include <utility>

#include "lib/btf/btf.h"
#include "lib/engine/distill/distill.h"
#include "lib/engine/rebase.h"
#include "lib/util/blob.h"
#include "lib/util/status_macros.h"

namespace btfd::tests {

absl::StatusOr<NativeBase> LoadNativeBase(const std::string& raw) {
  ASSIGN_OR_RETURN(const auto base, btf::Base::Build(raw));
  ASSIGN_OR_RETURN(const auto built, btf::DedupIndex::Build(*base));
  util::Blob stored(built->blob().size());
  memcpy(stored.data(), built->blob().data(), stored.size());
  ASSIGN_OR_RETURN(const auto index,
                   btf::DedupIndex::Load(std::move(stored), *base));
  return NativeBase{base, index};
}

absl::StatusOr<std::string> NativeDedup(const std::string& raw,
                                        const NativeBase& over,
                                        const engine::DedupOptions& options,
                                        util::Arena* arena) {
  arena->Reset();
  ASSIGN_OR_RETURN(btf::Btf split,
                   btf::Btf::Parse(raw, over.base.get(), ".BTF", arena));
  RETURN_IF_ERROR(engine::Dedup(&split, over.index.get(), nullptr, options));
  std::string out;
  split.Serialize(&out);
  return out;
}

absl::StatusOr<NativeResidue> NativeEncode(const std::string& residue,
                                           const NativeBase& over,
                                           engine::DedupOptions options,
                                           bool distill, util::Arena* arena) {
  arena->Reset();
  const uint32_t header_size =
      engine::dedup::RulesOf(options.rules).header_size;
  ASSIGN_OR_RETURN(const btf::Btf source,
                   btf::Btf::Parse(residue, nullptr, ".BTF", arena));
  ASSIGN_OR_RETURN(btf::Btf made,
                   engine::AddResidue(source, over.base.get(), header_size));
  options.keep_strings = true;
  RETURN_IF_ERROR(engine::Dedup(&made, over.index.get(), nullptr, options));
  NativeResidue result;
  if (!distill) {
    made.Serialize(&result.btf);
    return result;
  }
  std::optional<btf::Btf> base;
  std::optional<btf::Btf> split;
  RETURN_IF_ERROR(
      engine::Distill(made, header_size, /*sorted=*/false, &base, &split));
  base->Serialize(&result.distilled_base);
  split->Serialize(&result.btf);
  return result;
}

}  // namespace btfd::tests
