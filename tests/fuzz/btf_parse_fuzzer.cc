// SPDX-License-Identifier: Apache-2.0
//
// Parses hostile BTF, standalone and as a split over a base. If it parses, it
// is walked and serialized. The serialized BTF must parse to the same. It must
// also equal the input, unless the input had gaps or trailing bytes in the
// other byte order.
#include <memory_resource>
#include <string>

#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

void WriteAndReadBack(const btf::Btf& btf, absl::string_view input,
                      const btf::Base* base) {
  std::string written;
  btf.Serialize(&written);
  Expect(written.size() <= input.size());
  if (written.size() != input.size()) return;  // gaps are not written
  Expect(written == input);
  std::pmr::monotonic_buffer_resource memory;
  const auto again = btf::Btf::Parse(written, base, ".BTF", &memory);
  Expect(again.ok() && again->own_count() == btf.own_count());
  std::string twice;
  again->Serialize(&twice);
  Expect(twice == written);
}

void Walk(const btf::Btf& btf) {
  size_t sum = 0;
  for (btf::TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    if (id == 0) continue;
    const btf::TypeRecord& type = btf.own_type(id);
    btf::ForEachTypeField(type, [&](btf::TypeId field) {
      if (!btf.has_dangling_ids()) sum += btf.type(field).info;
    });
    btf::ForEachStringField(
        type, [&](uint32_t offset) { sum += std::strlen(btf.string(offset)); });
  }
  // Without this the compiler might remove the walk.
  volatile size_t sink = sum;
  static_cast<void>(sink);
}

}  // namespace
}  // namespace btfd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd;
  fuzz::Parts parts(data, size);
  const fuzz::ExactCopy base_bytes = parts.Part();
  const fuzz::ExactCopy split_bytes = parts.Part();
  std::pmr::monotonic_buffer_resource memory;
  auto alone = btf::Btf::Parse(split_bytes.view(), nullptr, ".BTF", &memory);
  if (alone.ok()) {
    fuzz::Walk(*alone);
    fuzz::WriteAndReadBack(*alone, split_bytes.view(), nullptr);
  }
  auto base = btf::Base::Build(base_bytes.view());
  if (!base.ok()) return 0;
  auto split =
      btf::Btf::Parse(split_bytes.view(), base->get(), ".BTF", &memory);
  if (split.ok()) {
    fuzz::Walk(*split);
    fuzz::WriteAndReadBack(*split, split_bytes.view(), base->get());
  }
  return 0;
}
