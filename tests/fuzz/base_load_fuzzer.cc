// SPDX-License-Identifier: Apache-2.0
//
// Loads index blobs that differ from what was stored. If Load() accepts a blob,
// every look-up is tried on it. The target repairs the checksum first, since
// the fuzzer would not get past it otherwise.
#include <cstring>

#include "lib/btf/base.h"
#include "lib/btf/base_blob.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/dedup_index_blob.h"
#include "lib/engine/dedup/dedup.h"
#include "lib/util/arena.h"
#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

util::Blob BlobOf(absl::string_view bytes) {
  util::Blob blob(bytes.size());
  if (!bytes.empty()) std::memcpy(blob.data(), bytes.data(), bytes.size());
  return blob;
}

template <typename Header>
void MendChecksum(std::string* blob, uint64_t (*checksum)(absl::string_view)) {
  if (blob->size() < sizeof(Header)) return;
  const uint64_t mended = checksum(*blob);
  std::memcpy(&(*blob)[offsetof(Header, checksum)], &mended, sizeof(mended));
}

void UseBase(const btf::Base& base, absl::string_view text) {
  size_t sum = base.decl_tags().size() + base.layout().size();
  for (btf::TypeId id = 1; id < base.end_id(); ++id) {
    const btf::TypeRecord& type = base.type(id);
    const absl::string_view name = base.string(type.name_off);
    sum += base.FindString(name).value_or(0);
    switch (type.kind()) {
      case btf::Kind::kStruct:
      case btf::Kind::kUnion:
        sum += base.SharesCompositeName(id);
        [[fallthrough]];
      case btf::Kind::kFunc:
      case btf::Kind::kTypedef:
        for (btf::TypeId found : base.FindByName(type.kind(), name)) {
          sum += base.type(found).info;
        }
        break;
      default:
        break;
    }
    for (btf::TypeId found : base.FindRelocatable(name)) {
      sum += base.type(found).info;
    }
    if (base.has_dangling_ids()) continue;
    btf::ForEachTypeField(
        type, [&](btf::TypeId field) { sum += base.type(field).info; });
  }
  sum += base.FindString(text).value_or(0);
  for (btf::TypeId tag : base.decl_tags()) sum += base.type(tag).size_or_type;
  volatile size_t sink = sum;
  static_cast<void>(sink);
}

}  // namespace
}  // namespace btfd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd;
  fuzz::Parts parts(data, size);
  const fuzz::ExactCopy raw = parts.Part();
  const fuzz::ExactCopy split_bytes = parts.Part();
  auto built = btf::Base::Build(raw.view());
  if (!built.ok()) return 0;
  auto built_index = btf::DedupIndex::Build(**built);
  if (!built_index.ok()) return 0;

  // The rest of the input says what to damage, as pairs of position and value.
  std::string core((*built)->blob());
  std::string candidates((*built_index)->blob());
  while (!parts.empty()) {
    const bool in_candidates = parts.Byte() & 1;
    const size_t at = parts.Short();
    std::string& damaged = in_candidates ? candidates : core;
    const uint8_t value = parts.Byte();
    if (!damaged.empty()) damaged[at % damaged.size()] ^= value;
  }
  const bool is_damaged = core != (*built)->blob();
  fuzz::MendChecksum<btf::BaseBlobHeader>(&core, btf::BaseBlobChecksum);
  fuzz::MendChecksum<btf::DedupBlobHeader>(&candidates, btf::DedupBlobChecksum);

  auto base = btf::Base::Load(fuzz::BlobOf(core));
  // A blob without damage must be accepted and must be unchanged.
  if (!is_damaged && (!base.ok() || (*base)->blob() != (*built)->blob())) {
    __builtin_trap();
  }
  if (!base.ok()) return 0;
  fuzz::UseBase(**base, split_bytes.view());
  auto index = btf::DedupIndex::Load(fuzz::BlobOf(candidates), **base);
  if (!index.ok()) return 0;
  util::Arena arena;
  auto split = btf::Btf::Parse(split_bytes.view(), base->get(), ".BTF", &arena);
  if (split.ok()) engine::Dedup(&*split, index->get()).IgnoreError();
  return 0;
}
