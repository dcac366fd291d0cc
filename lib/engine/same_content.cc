// SPDX-License-Identifier: Apache-2.0
//
// Records are compared word by word, but for string fields, which
// ForEachStringField() tells: their texts count.
#include "lib/engine/same_content.h"

#include <cstring>

namespace btfd::engine {

namespace {

using btf::Btf;
using btf::TypeRecord;

bool SameText(const Btf& a, uint32_t offset_a, const Btf& b,
              uint32_t offset_b) {
  if (offset_a == offset_b && offset_a < a.parent().str_len) return true;
  return strcmp(a.string(offset_a), b.string(offset_b)) == 0;
}

// Of two records of `words` words with the same info and so the same fields.
bool SameRecord(const Btf& a, const Btf& b, const TypeRecord& type_a,
                const TypeRecord& type_b, uint32_t words) {
  const auto* words_a = reinterpret_cast<const uint32_t*>(&type_a);
  const auto* words_b = reinterpret_cast<const uint32_t*>(&type_b);
  uint32_t next = 0;  // all words before it are the same, or the same text
  bool same = true;
  btf::ForEachStringField(type_a, [&](const uint32_t& field) {
    const auto at = static_cast<uint32_t>(&field - words_a);
    same = same &&
           memcmp(words_a + next, words_b + next, size_t{at - next} * 4) == 0;
    same = same && SameText(a, words_a[at], b, words_b[at]);
    next = at + 1;
  });
  return same &&
         memcmp(words_a + next, words_b + next, size_t{words - next} * 4) == 0;
}

}  // namespace

bool SameContent(const Btf& a, const Btf& b) {
  if (a.first_id() != b.first_id() || a.own_count() != b.own_count()) {
    return false;
  }
  for (btf::TypeId id = a.first_id(); id < a.end_id(); ++id) {
    const TypeRecord& type_a = a.own_type(id);
    const TypeRecord& type_b = b.own_type(id);
    const uint32_t words = a.own_type_words(id);
    if (type_a.info != type_b.info || words != b.own_type_words(id) ||
        !SameRecord(a, b, type_a, type_b, words)) {
      return false;
    }
  }
  return true;
}

}  // namespace btfd::engine
