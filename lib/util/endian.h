// SPDX-License-Identifier: Apache-2.0
//
// Numbers in a byte order that may not be the host's.
#ifndef BTFD_LIB_UTIL_ENDIAN_H_
#define BTFD_LIB_UTIL_ENDIAN_H_

#include <cstdint>
#include <cstring>

namespace btfd::util {

inline constexpr bool kHostIsBigEndian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

// The same number with its bytes in the other order.
constexpr uint8_t ByteSwap(uint8_t value) { return value; }
constexpr uint16_t ByteSwap(uint16_t value) { return __builtin_bswap16(value); }
constexpr uint32_t ByteSwap(uint32_t value) { return __builtin_bswap32(value); }
constexpr uint64_t ByteSwap(uint64_t value) { return __builtin_bswap64(value); }

// The number at `from` in little-endian order, aligned or not.
template <typename Number>
Number LoadLittleEndian(const void* from) {
  Number value;
  memcpy(&value, from, sizeof(value));
  return kHostIsBigEndian ? ByteSwap(value) : value;
}
template <typename Number>
void StoreLittleEndian(void* to, Number value) {
  if (kHostIsBigEndian) value = ByteSwap(value);
  memcpy(to, &value, sizeof(value));
}

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_ENDIAN_H_
