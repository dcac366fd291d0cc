// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/string_index.h"

#include <algorithm>
#include <cstring>

#include "lib/btf/string_hash.h"

namespace btfd::btf {

namespace {

// True if the whole string at `offset` is `text`.
bool EqualAt(absl::string_view section, uint32_t offset,
             absl::string_view text) {
  return section.size() - offset > text.size() &&
         memcmp(section.data() + offset, text.data(), text.size()) == 0 &&
         section[offset + text.size()] == '\0';
}

}  // namespace

uint64_t CountStrings(absl::string_view section) {
  constexpr uint64_t kLow7 = 0x7f7f7f7f7f7f7f7f;
  constexpr uint64_t kEven = 0x00ff00ff00ff00ff;
  const char* at = section.data();
  size_t words = section.size() / 8;
  uint64_t total = 0;
  // Counts in eight bytes at a time, each in a byte of its own. 255 rounds
  // cannot overflow such a byte.
  while (words > 0) {
    const size_t rounds = std::min<size_t>(words, 255);
    uint64_t counts = 0;
    for (size_t i = 0; i < rounds; ++i, at += 8) {
      uint64_t word;
      memcpy(&word, at, 8);
      const uint64_t not_nul = ((word & kLow7) + kLow7) | word | kLow7;
      counts += ~not_nul >> 7;
    }
    const uint64_t pairs = (counts & kEven) + ((counts >> 8) & kEven);
    total += (pairs * 0x0001000100010001) >> 48;
    words -= rounds;
  }
  return total + std::count(at, section.data() + section.size(), '\0');
}

bool HasLongTexts(absl::string_view section, size_t window) {
  for (size_t at = 0; section.size() - at >= window; at += window) {
    if (memchr(section.data() + at, '\0', window) == nullptr) return true;
  }
  return false;
}

uint64_t StringIndex::HashOf(absl::string_view text, uint64_t hash) const {
  return secret_ ? HashStringSecretly(text) : hash;
}

bool StringIndex::IsCrowded(uint32_t slot, uint64_t hash) const {
  // In a table that is two thirds full, chance does not get a tenth as far.
  constexpr uint32_t kMaxDistance = 1024;
  const uint32_t home = static_cast<uint32_t>(hash) & shape_.mask;
  return !secret_ && ((slot - home) & shape_.mask) > kMaxDistance;
}

void StringIndex::Build(absl::string_view section) {
  if (TryBuild(section)) return;
  secret_ = true;
  TryBuild(section);
}

// Returns false if the table is crowded.
bool StringIndex::TryBuild(absl::string_view section) {
  const uint64_t texts = CountStrings(section);
  // With room for twice as many strings and twice as many bytes.
  shape_ = ProbeShape::For(2 * texts + 64, 2 * section.size() + 4096);
  slots_.assign(size_t{shape_.mask} + 1, 0);
  count_ = 0;
  for (size_t at = 0; at < section.size();) {
    const absl::string_view text(section.data() + at);
    const uint64_t hash = secret_ ? HashStringSecretly(text) : HashString(text);
    const uint32_t i = Probe(slots_.data(), shape_, hash, [&](uint32_t value) {
      return EqualAt(section, value - 1, text);
    });
    if (IsCrowded(i, hash)) return false;
    if (slots_[i] == 0) {
      slots_[i] = shape_.slot(hash, static_cast<uint32_t>(at + 1));
      ++count_;
    }
    at += text.size() + 1;
  }
  return true;
}

std::optional<uint32_t> StringIndex::Find(absl::string_view section,
                                          absl::string_view text,
                                          uint64_t hash) const {
  hash = HashOf(text, hash);
  const uint32_t i = Probe(slots_.data(), shape_, hash, [&](uint32_t value) {
    return EqualAt(section, value - 1, text);
  });
  if (slots_[i] == 0) return std::nullopt;
  return shape_.value(slots_[i]) - 1;
}

void StringIndex::Add(absl::string_view section, uint32_t offset,
                      uint64_t hash) {
  const bool full =
      (uint64_t{count_} + 2) * 3 > (uint64_t{shape_.mask} + 1) * 2;
  if (full || shape_.value(offset + 1) != offset + 1) {
    Build(section);
    return;
  }
  if (secret_) hash = HashStringSecretly(section.data() + offset);
  const uint32_t i =
      Probe(slots_.data(), shape_, hash, [](uint32_t) { return false; });
  if (IsCrowded(i, hash)) {
    Build(section);
    return;
  }
  slots_[i] = shape_.slot(hash, offset + 1);
  ++count_;
}

}  // namespace btfd::btf
