// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_HOSTILE_COLLIDING_TEXT_H_
#define BTFD_TESTS_HOSTILE_COLLIDING_TEXT_H_

#include <cstdint>
#include <string>

namespace btfd::tests {

// Texts of 32 bytes whose unseeded XXH3 hashes are one and the same: the first
// quarter equals the hash's own secret, so that the second one does not count.
inline std::string CollidingText(uint32_t i) {
  std::string text("\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe", 8);
  for (int digit = 0; digit < 8; ++digit, i /= 64) {
    text.push_back(static_cast<char>('0' + i % 64));
  }
  return text + "0123456789abcdef";
}

}  // namespace btfd::tests

#endif  // BTFD_TESTS_HOSTILE_COLLIDING_TEXT_H_
