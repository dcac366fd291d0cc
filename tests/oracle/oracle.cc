// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/oracle.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <vector>

namespace btfd::tests {

namespace {

// libbpf explains every refusal on stderr; the tests compare verdicts.
void Silence() {
  static const bool once = [] {
    libbpf_set_print(nullptr);
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace

void FreeBtf::operator()(struct btf* btf) const { btf__free(btf); }

OracleBtf OracleParse(absl::string_view raw, struct btf* base) {
  Silence();
  const auto size = static_cast<__u32>(raw.size());
  return OracleBtf(base ? btf__new_split(raw.data(), size, base)
                        : btf__new(raw.data(), size));
}

std::optional<std::string> OracleBytes(const struct btf* btf) {
  __u32 size = 0;
  const void* data = btf__raw_data(btf, &size);
  if (data == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(data), size);
}

std::string OracleSwapped(struct btf* btf) {
  const enum btf_endianness order = btf__endianness(btf);
  btf__set_endianness(
      btf, order == BTF_BIG_ENDIAN ? BTF_LITTLE_ENDIAN : BTF_BIG_ENDIAN);
  std::string bytes = OracleBytes(btf).value_or("");
  btf__set_endianness(btf, order);
  return bytes;
}

int OracleDedup(struct btf* btf) { return btf__dedup(btf, nullptr); }

int OracleSort(struct btf* btf) {
  const struct btf* base = btf__base_btf(btf);
  const __u32 end = btf__type_cnt(btf);
  const __u32 first = base ? btf__type_cnt(base) : 0;
  const __u32 named_from = base ? first : 1;
  std::vector<__u32> order(end - named_from);
  std::iota(order.begin(), order.end(), named_from);
  std::stable_sort(order.begin(), order.end(), [&](__u32 a, __u32 b) {
    const char* name_a =
        btf__name_by_offset(btf, btf__type_by_id(btf, a)->name_off);
    const char* name_b =
        btf__name_by_offset(btf, btf__type_by_id(btf, b)->name_off);
    return std::strcmp(name_a, name_b) < 0;
  });
  std::vector<__u32> id_map(end - first, 0);
  for (__u32 i = 0; i < order.size(); ++i) {
    id_map[order[i] - first] = named_from + i;
  }
  return btf__permute(btf, id_map.data(), static_cast<__u32>(id_map.size()),
                      nullptr);
}

std::optional<OracleDistilled> OracleDistill(const struct btf* split) {
  Silence();
  struct btf* base = nullptr;
  struct btf* new_split = nullptr;
  if (btf__distill_base(split, &base, &new_split) != 0) return std::nullopt;
  return OracleDistilled{OracleBtf(base), OracleBtf(new_split)};
}

int OracleRelocate(struct btf* split, const struct btf* base) {
  return btf__relocate(split, base);
}

OracleBtf OracleRebase(const struct btf* standalone, struct btf* base) {
  Silence();
  OracleBtf split(btf__new_empty_split(base));
  if (split == nullptr) return nullptr;
  if (btf__add_btf(split.get(), standalone) < 0) return nullptr;
  if (btf__dedup(split.get(), nullptr) != 0) return nullptr;
  return split;
}

OracleBtf OracleEncode(const struct btf* standalone, struct btf* base) {
  Silence();
  OracleBtf made(base ? btf__new_empty_split(base) : btf__new_empty());
  if (made == nullptr) return nullptr;
  btf__set_endianness(made.get(), btf__endianness(standalone));
  __u32 strings_end = 0;
  while (const char* text = btf__str_by_offset(standalone, strings_end)) {
    if (btf__add_str(made.get(), text) < 0) return nullptr;
    strings_end += static_cast<__u32>(std::strlen(text)) + 1;
  }
  // It refuses a BTF without types.
  if (btf__type_cnt(standalone) > 1 &&
      btf__add_btf(made.get(), standalone) < 0) {
    return nullptr;
  }
  if (btf__dedup(made.get(), nullptr) != 0) return nullptr;
  return made;
}

}  // namespace btfd::tests
