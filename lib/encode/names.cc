// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/names.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "lib/util/hash_secret.h"

namespace btfd::encode {

namespace {

constexpr size_t kFirstSlots = 1 << 10;
constexpr size_t kMostOffset = 0x7fffffff;
constexpr size_t kShortTexts = 1 << 12;
constexpr uint32_t kShortTextShift = 32 - 12;

uint32_t HashOf(absl::string_view text) {
  return static_cast<uint32_t>(
      XXH3_64bits_withSeed(text.data(), text.size(), util::HashSecret()));
}

}  // namespace

NameTable::NameTable(const dwarf::Object& object, util::WorkBudget* work)
    : object_(object), work_(work), slots_(kFirstSlots, 0) {
  // Texts beyond that are looked up by themselves.
  by_offset_size_ = std::min<size_t>(object.str.content.size(), kMostOffset);
  pages_ = util::AllocateZeroPages(by_offset_size_ * sizeof(uint32_t));
  by_offset_ = reinterpret_cast<uint32_t*>(pages_.get());
  short_texts_.resize(kShortTexts);
  texts_.push_back({});
  hashes_.push_back(0);
}

NameId NameTable::Of(const dwarf::Value& value) {
  if (value.type == dwarf::ValueClass::kInline && value.length != 0 &&
      value.length <= sizeof(uint32_t)) {
    uint32_t bytes = 0;
    memcpy(&bytes, object_.info.content.data() + value.number, value.length);
    ShortText& known = short_texts_[(bytes * 0x9e3779b1u) >> kShortTextShift];
    if (known.bytes != bytes) {
      known.name =
          Intern(object_.info.content.substr(value.number, value.length));
      known.bytes = bytes;
    }
    return known.name;
  }
  const absl::StatusOr<absl::string_view> text = dwarf::TextOf(object_, value);
  if (!text.ok()) {
    if (status_.ok()) status_ = text.status();
    return 0;
  }
  work_->Spend(text->size());
  if (work_->exhausted() && status_.ok()) status_ = work_->Check();
  return Intern(*text);
}

NameId NameTable::SlowAtOffset(uint32_t offset) {
  dwarf::Value value;
  value.type = dwarf::ValueClass::kString;
  value.number = offset;
  const NameId id = Of(value);
  by_offset_[offset] = id + 1;
  return id;
}

NameId NameTable::Intern(absl::string_view text) {
  if (text.empty()) return 0;
  const uint32_t hash = HashOf(text);
  size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != 0) {
    const NameId id = slots_[slot];
    if (hashes_[id] == hash && texts_[id] == text) return id;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  const NameId id = texts_.size();
  texts_.push_back(text);
  hashes_.push_back(hash);
  slots_[slot] = id;
  if (texts_.size() * 2 > slots_.size()) Grow();
  return id;
}

NameId NameTable::InternCopy(absl::string_view text) {
  if (text.empty()) return 0;
  const NameId known = Find(text);
  if (known != 0) return known;
  return Intern(copies_.emplace_back(text));
}

NameId NameTable::Find(absl::string_view text) const {
  if (text.empty()) return 0;
  const uint32_t hash = HashOf(text);
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot] != 0;
       slot = (slot + 1) & (slots_.size() - 1)) {
    const NameId id = slots_[slot];
    if (hashes_[id] == hash && texts_[id] == text) return id;
  }
  return 0;
}

void NameTable::Grow() {
  std::vector<uint32_t> slots(slots_.size() * 2, 0);
  for (NameId id = 1; id < texts_.size(); ++id) {
    size_t slot = hashes_[id] & (slots.size() - 1);
    while (slots[slot] != 0) slot = (slot + 1) & (slots.size() - 1);
    slots[slot] = id;
  }
  slots_.swap(slots);
}

}  // namespace btfd::encode
