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
// What fits a processor's own cache. The units of a linked file share their
// texts; in a relocatable file each unit has its own, and asks for few of them
// twice.
constexpr size_t kMostRemembered = size_t{1} << 16;
constexpr size_t kMostRememberedOfUnits = size_t{1} << 13;
// A unit's texts lie together if there are no more bytes than these for a use.
constexpr size_t kBytesPerUse = 64;
constexpr size_t kShortTexts = 1 << 12;
constexpr uint32_t kShortTextShift = 32 - 12;

}  // namespace

NameTable::NameTable(const dwarf::Object& object, util::WorkBudget* work)
    : object_(object),
      work_(work),
      secret_(util::HashSecret()),
      slots_(kFirstSlots) {
  const size_t texts = object.str.content.size() / 4;
  const size_t most =
      object.relocatable() ? kMostRememberedOfUnits : kMostRemembered;
  size_t remembered = 1;
  while (remembered < texts && remembered < most) remembered *= 2;
  // An offset that is none: 0 would be found before it was looked up.
  remembered_.assign(remembered, {~uint32_t{0}, 0});
  short_texts_.resize(kShortTexts);
  texts_.push_back({});
  hashes_.push_back({});
}

NameTable::Hash NameTable::HashOf(absl::string_view text) const {
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(text.data(), text.size(), secret_);
  return {hash.low64, static_cast<uint32_t>(hash.high64)};
}

absl::string_view NameTable::TextAt(const dwarf::Value& value) {
  const absl::StatusOr<absl::string_view> text = dwarf::TextOf(object_, value);
  if (!text.ok()) {
    if (status_.ok()) status_ = text.status();
    return {};
  }
  work_->Spend(text->size());
  if (work_->exhausted() && status_.ok()) status_ = work_->Check();
  return *text;
}

absl::string_view NameTable::TextAt(uint32_t offset) {
  const absl::string_view texts = object_.str.content;
  if (offset < texts.size()) {
    const char* const text = texts.data() + offset;
    const void* const end = memchr(text, '\0', texts.size() - offset);
    if (end != nullptr) {
      const size_t size = static_cast<const char*>(end) - text;
      work_->Spend(size);
      return absl::string_view(text, size);
    }
  }
  dwarf::Value value;
  value.type = dwarf::ValueClass::kString;
  value.number = offset;
  return TextAt(value);  // which says what is wrong
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
  return Intern(TextAt(value));
}

void NameTable::AtOffsetsSideBySide(absl::Span<NameId* const> names) {
  constexpr size_t kTogether = 64;
  struct Miss {
    NameId* name;
    absl::string_view text;
    Hash hash;
  };
  Miss misses[kTogether];
  while (!names.empty()) {
    const absl::Span<NameId* const> some = names.subspan(0, kTogether);
    names.remove_prefix(some.size());
    for (NameId* const name : some) {
      __builtin_prefetch(&remembered_[PlaceOf(*name)]);
    }
    size_t count = 0;
    for (NameId* const name : some) {
      const Remembered& known = remembered_[PlaceOf(*name)];
      if (known.offset == *name) {
        *name = known.name;
        continue;
      }
      misses[count++].name = name;
      if (*name < object_.str.content.size()) {
        __builtin_prefetch(object_.str.content.data() + *name);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      misses[i].text = TextAt(*misses[i].name);
      misses[i].hash = HashOf(misses[i].text);
      __builtin_prefetch(&slots_[misses[i].hash.low & (slots_.size() - 1)]);
    }
    for (size_t i = 0; i < count; ++i) {
      const uint32_t offset = *misses[i].name;
      const NameId name = Intern(misses[i].hash, misses[i].text);
      // A file with trouble is given up: nothing wrong is remembered for long.
      remembered_[PlaceOf(offset)] = {offset, name};
      *misses[i].name = name;
    }
    if (work_->exhausted() && status_.ok()) status_ = work_->Check();
  }
}

void NameTable::AtOffsets(absl::Span<NameId* const> names) {
  if (object_.relocatable() && !names.empty() && names.size() <= UINT16_MAX) {
    uint32_t first = UINT32_MAX, last = 0;
    for (const NameId* name : names) {
      first = std::min(first, *name);
      last = std::max(last, *name);
    }
    if (last < object_.str.content.size() &&
        (last - first) / kBytesPerUse < names.size()) {
      return AtOffsetsInOrder(first, last - first + 1, names);
    }
  }
  AtOffsetsSideBySide(names);
}

void NameTable::AtOffsetsInOrder(uint32_t first, uint32_t length,
                                 absl::Span<NameId* const> names) {
  Wanted& wanted = wanted_;
  wanted.bits.assign(length / 64 + 1, 0);
  for (const NameId* name : names) {
    const uint32_t place = *name - first;
    wanted.bits[place / 64] |= uint64_t{1} << (place % 64);
  }
  if (wanted.index.size() < length) wanted.index.resize(length);
  wanted.texts.clear();
  for (size_t word = 0; word < wanted.bits.size(); ++word) {
    if (!status_.ok() || work_->exhausted()) break;
    for (uint64_t bits = wanted.bits[word]; bits != 0; bits &= bits - 1) {
      const uint32_t place = word * 64 + __builtin_ctzll(bits);
      wanted.index[place] = static_cast<uint16_t>(wanted.texts.size());
      const absl::string_view text = TextAt(first + place);
      WantedText& read = wanted.texts.emplace_back();
      read.is_known = text.empty();
      if (!read.is_known) read.hash = HashOf(text);
    }
  }
  if (work_->exhausted() && status_.ok()) status_ = work_->Check();
  if (!status_.ok()) {
    for (NameId* const name : names) *name = 0;
    return;
  }
  // In the order of use, so that numbers follow each other as types do.
  for (NameId* const name : names) {
    WantedText& text = wanted.texts[wanted.index[*name - first]];
    if (!text.is_known) {
      text.name = Guess(text.hash, *name);
      text.is_known = true;
    }
    *name = text.name;
  }
}

NameId NameTable::Guess(const Hash& hash, uint32_t offset) {
  NameId name = next_.guess();
  if (name == 0 || !Has(name, hash)) {
    name = Find(hash).name;
    if (name == 0) name = Intern(hash, TextAt(offset));
  }
  next_.Note(name);
  return name;
}

NameTable::Slot& NameTable::Find(const Hash& hash) {
  size_t slot = hash.low & (slots_.size() - 1);
  while (slots_[slot].name != 0 && (slots_[slot].hash != SlotHash(hash) ||
                                    !Has(slots_[slot].name, hash))) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slots_[slot];
}

NameId NameTable::Intern(const Hash& hash, absl::string_view text) {
  if (text.empty()) return 0;
  Slot& slot = Find(hash);
  if (slot.name != 0) return slot.name;
  const NameId name = texts_.size();
  texts_.push_back(Kept(text));
  hashes_.push_back(hash);
  slot = {SlotHash(hash), name};
  if (texts_.size() * 2 > slots_.size()) Grow();
  return name;
}

absl::string_view NameTable::Kept(absl::string_view text) {
  const absl::string_view shared = object_.str.content;
  if (!object_.relocatable() && text.data() >= shared.data() &&
      text.data() < shared.data() + shared.size()) {
    return text;
  }
  char* const copy = static_cast<char*>(copies_.allocate(text.size(), 1));
  memcpy(copy, text.data(), text.size());
  return absl::string_view(copy, text.size());
}

NameId NameTable::Intern(absl::string_view text) {
  return text.empty() ? 0 : Intern(HashOf(text), text);
}

NameId NameTable::Find(absl::string_view text) {
  return text.empty() ? 0 : Find(HashOf(text)).name;
}

void NameTable::Grow() {
  std::vector<Slot> slots(slots_.size() * 2);
  for (NameId name = 1; name < hashes_.size(); ++name) {
    size_t slot = hashes_[name].low & (slots.size() - 1);
    while (slots[slot].name != 0) slot = (slot + 1) & (slots.size() - 1);
    slots[slot] = {SlotHash(hashes_[name]), name};
  }
  slots_.swap(slots);
}

}  // namespace btfd::encode
