// SPDX-License-Identifier: Apache-2.0
//
// The one place where bytes of DWARF are read: each read checks that what it
// takes lies within the section. A read past the end gives 0 and sets failed();
// the caller asks once, after a step that makes sense as a whole.
//
// Sources: DWARF version 5, section 7.6 (LEB128).
#ifndef BTFD_LIB_DWARF_READER_H_
#define BTFD_LIB_DWARF_READER_H_

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace btfd::dwarf {

class Reader {
 public:
  Reader() = default;
  Reader(absl::string_view bytes, bool big_endian)
      : begin_(bytes.data()),
        at_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        big_endian_(big_endian) {}

  uint64_t offset() const { return at_ - begin_; }
  uint64_t left() const { return end_ - at_; }
  uint64_t size() const { return end_ - begin_; }
  bool failed() const { return failed_; }
  bool big_endian() const { return big_endian_; }
  absl::string_view rest() const { return absl::string_view(at_, end_ - at_); }

  // Past the end: failed().
  void Seek(uint64_t offset) {
    if (offset > size()) {
      Fail();
    } else {
      at_ = begin_ + offset;
    }
  }
  void Skip(uint64_t bytes) {
    if (bytes > left()) {
      Fail();
    } else {
      at_ += bytes;
    }
  }

  uint8_t U8() {
    if (at_ == end_) {
      Fail();
      return 0;
    }
    return static_cast<uint8_t>(*at_++);
  }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U24() {
    const uint32_t a = U8(), b = U8(), c = U8();
    return big_endian_ ? a << 16 | b << 8 | c : c << 16 | b << 8 | a;
  }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  // A number of 1, 2, 4 or 8 bytes; any other size fails.
  uint64_t Unsigned(uint32_t size) {
    switch (size) {
      case 1:
        return U8();
      case 2:
        return U16();
      case 4:
        return U32();
      case 8:
        return U64();
      default:
        Fail();
        return 0;
    }
  }
  // The same where the caller knows that the bytes are there.
  void SkipKnown(uint64_t bytes) { at_ += bytes; }
  const char* here() const { return at_; }
  uint8_t KnownU8() { return static_cast<uint8_t>(*at_++); }
  uint16_t KnownU16() { return Known<uint16_t>(); }
  uint32_t KnownU32() { return Known<uint32_t>(); }

  // Bits beyond the 64th are dropped; a number without an end fails.
  uint64_t Uleb() {
    // Most have one byte.
    if (at_ != end_ && static_cast<int8_t>(*at_) >= 0) return *at_++;
    uint64_t value = 0;
    for (uint32_t shift = 0;; shift += 7) {
      const uint8_t byte = U8();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80 || failed_) return value;
    }
  }
  int64_t Sleb() {
    uint64_t value = 0;
    for (uint32_t shift = 0;;) {
      const uint8_t byte = U8();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      shift += 7;
      if (byte < 0x80 || failed_) {
        if ((byte & 0x40) != 0 && shift < 64) value |= ~uint64_t{0} << shift;
        return static_cast<int64_t>(value);
      }
    }
  }
  // Up to the next NUL, which is passed over.
  absl::string_view String() {
    // Of a section that is not there, at_ is null.
    const void* nul = left() == 0 ? nullptr : memchr(at_, '\0', left());
    if (nul == nullptr) {
      Fail();
      return {};
    }
    const char* start = at_;
    at_ = static_cast<const char*>(nul) + 1;
    return absl::string_view(start, at_ - 1 - start);
  }
  absl::string_view Bytes(uint64_t count) {
    if (count > left()) {
      Fail();
      return {};
    }
    const char* start = at_;
    at_ += count;
    return absl::string_view(start, count);
  }

  void Fail() {
    failed_ = true;
    at_ = end_;
  }

 private:
  template <typename T>
  T Fixed() {
    if (left() < sizeof(T)) {
      Fail();
      return 0;
    }
    return Known<T>();
  }
  template <typename T>
  T Known() {
    T value;
    memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    if (big_endian_) {
      if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
      if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
      if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
    }
    return value;
  }

  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool big_endian_ = false;
  bool failed_ = false;
};

}  // namespace btfd::dwarf

#endif  // BTFD_LIB_DWARF_READER_H_
