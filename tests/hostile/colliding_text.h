// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_HOSTILE_COLLIDING_TEXT_H_
#define BTFD_TESTS_HOSTILE_COLLIDING_TEXT_H_

#include <cstdint>
#include <cstring>
#include <string>

namespace btfd::tests {

// Texts of 32 bytes with the same unseeded XXH3 hash. Their first 8 bytes equal
// XXH3's default secret, so the next 8 bytes do not change the hash.
inline std::string CollidingText(uint32_t i) {
  std::string text("\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe", 8);
  for (int digit = 0; digit < 8; ++digit, i /= 64) {
    text.push_back(static_cast<char>('0' + i % 64));
  }
  return text + "0123456789abcdef";
}

// Texts of at most 16 bytes. The hash of lib/engine/distill/new_strings.cc
// would be the same for most of them if it started from 0, because the second 8
// bytes equal what the hash made of the first 8. A text with a NUL in it is cut
// there.
inline std::string SelfUndoingText(uint32_t i) {
  uint64_t chunk;
  memcpy(&chunk, CollidingText(i).data() + 8, sizeof(chunk));
  const auto product =
      static_cast<unsigned __int128>(chunk) * 0x9e3779b97f4a7c15;
  const uint64_t made =
      static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  std::string text(reinterpret_cast<const char*>(&chunk), sizeof(chunk));
  text.append(reinterpret_cast<const char*>(&made), sizeof(made));
  return text.c_str();
}

}  // namespace btfd::tests

#endif  // BTFD_TESTS_HOSTILE_COLLIDING_TEXT_H_
