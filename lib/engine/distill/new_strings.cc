// SPDX-License-Identifier: Apache-2.0
//
// A text is read once, eight bytes at a time: its end found, its hash taken and
// its bytes copied behind the last string, where they stay only if they are
// new there.
#include "lib/engine/distill/new_strings.h"

#include <cstring>

#include "lib/util/hash_secret.h"

namespace btfd::engine {

namespace {

constexpr size_t kChunk = sizeof(uint64_t);

// Eight bytes, or what there is up to `end` and zeros.
uint64_t LoadChunk(const char* text, const char* end) {
  uint64_t chunk = 0;
  const size_t left = end - text;
  if (left >= kChunk) {
    memcpy(&chunk, text, kChunk);
  } else {
    memcpy(&chunk, text, left);
  }
  return chunk;
}

uint64_t Mix(uint64_t hash, uint64_t chunk) {
  const auto product =
      static_cast<unsigned __int128>(hash ^ chunk) * 0x9e3779b97f4a7c15;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

NewStrings::NewStrings(const btf::Btf& source)
    : source_(source),
      base_len_(source.parent().str_len),
      secret_(util::HashSecret()),
      own_(source.own_strings().size(), 0, source.memory()),
      from_base_(source.memory(), 3 * source.own_count()),
      numbered_(1, 0, source.memory()),
      bytes_(source.memory()),
      slots_(source.memory()) {
  numbered_.reserve(3 * source.own_count());
}

void NewStrings::Reserve(size_t base_texts) {
  const size_t texts = numbered_.size() + base_texts;
  size_t size = 64;
  while (size < texts * 2) size *= 2;
  slots_.resize(size);
  bytes_.resize(texts * 16 + 1024);
}

void NewStrings::AddNumbered() {
  base_size_ = used_;
  constexpr size_t kAhead = 12;
  for (size_t i = 1; i < numbered_.size(); ++i) {
    if (i + kAhead < numbered_.size()) {
      __builtin_prefetch(source_.string(numbered_[i + kAhead]));
    }
    numbered_[i] = Add(numbered_[i]);
  }
}

uint32_t NewStrings::Add(uint32_t old_offset) {
  const char* const text = source_.string(old_offset);
  const char* const end =
      old_offset < base_len_
          ? source_.parent().strings + base_len_
          : source_.own_strings().data() + source_.own_strings().size();
  uint64_t hash = secret_;
  size_t length = 0;
  for (;; length += kChunk) {
    if (bytes_.size() - used_ < length + kChunk)
      bytes_.resize(bytes_.size() * 2);
    uint64_t chunk = LoadChunk(text + length, end);
    memcpy(&bytes_[used_ + length], &chunk, kChunk);
    // The lowest set bit marks the first zero byte.
    const uint64_t zeros =
        (chunk - 0x0101010101010101) & ~chunk & 0x8080808080808080;
    if (zeros != 0) {
      chunk &= (zeros & -zeros) - 1;
      length += __builtin_ctzll(zeros) / 8;
      hash = Mix(hash, chunk);
      break;
    }
    hash = Mix(hash, chunk);
  }
  if (length == 0) return 0;

  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash);
  size_t i = tag & mask;
  for (; slots_[i].offset != 0; i = (i + 1) & mask) {
    if (slots_[i].hash == tag &&
        strcmp(&bytes_[slots_[i].offset], &bytes_[used_]) == 0) {
      return slots_[i].offset;
    }
  }
  slots_[i] = {tag, used_};
  const uint32_t offset = used_;
  used_ += static_cast<uint32_t>(length) + 1;
  return offset;
}

}  // namespace btfd::engine
