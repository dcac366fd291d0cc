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

// libbpf explains every refusal on stderr; the tests only compare whether it
// refuses.
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
  // libbpf refuses a BTF without types.
  if (btf__type_cnt(standalone) > 1 &&
      btf__add_btf(made.get(), standalone) < 0) {
    return nullptr;
  }
  if (btf__dedup(made.get(), nullptr) != 0) return nullptr;
  return made;
}

std::unique_ptr<OracleEditor> OracleEditor::Load(absl::string_view raw,
                                                 const OracleEditor* base) {
  Silence();
  const auto size = static_cast<uint32_t>(raw.size());
  struct ::btf* btf = base != nullptr
                          ? btf__new_split(raw.data(), size, base->btf_)
                          : btf__new(raw.data(), size);
  // If a record's size overflows, libbpf returns a negative int as a pointer.
  if (btf == nullptr || reinterpret_cast<intptr_t>(btf) < 0) return nullptr;
  return std::unique_ptr<OracleEditor>(
      new OracleEditor(btf, base != nullptr ? base->end_id() : 1));
}

OracleEditor::~OracleEditor() { btf__free(btf_); }

uint32_t OracleEditor::end_id() const { return btf__type_cnt(btf_); }

std::string OracleEditor::Raw() const {
  uint32_t size = 0;
  const void* data = btf__raw_data(btf_, &size);
  if (data == nullptr) return "(libbpf gave no raw data)";
  return std::string(static_cast<const char*>(data), size);
}

int OracleEditor::AddString(const std::string& text) {
  return btf__add_str(btf_, text.c_str());
}
int OracleEditor::FindString(const std::string& text) {
  return btf__find_str(btf_, text.c_str());
}
int OracleEditor::AddPtr(uint32_t to) {
  return btf__add_ptr(btf_, static_cast<int>(to));
}
int OracleEditor::AddInt(const std::string& name) {
  return btf__add_int(btf_, name.c_str(), 4, BTF_INT_SIGNED);
}

int OracleEditor::Permute(const std::vector<uint32_t>& new_index) {
  std::vector<uint32_t> map;
  if (first_id_ == 1) map.push_back(0);
  for (const uint32_t index : new_index) map.push_back(first_id_ + index);
  return btf__permute(btf_, map.data(), static_cast<uint32_t>(map.size()),
                      nullptr);
}

int OracleEditor::FindByName(btf::Kind kind, const std::string& name) const {
  return btf__find_by_name_kind(btf_, name.c_str(),
                                static_cast<uint32_t>(kind));
}

}  // namespace btfd::tests
