// SPDX-License-Identifier: Apache-2.0
//
// How the fuzz targets cut their input into parts. A target is a function of
// bytes that must not crash, hang or over-read. Each part is copied to a heap
// buffer of exactly its size, so that ASan finds a read of one byte too much.
#ifndef BTFD_TESTS_FUZZ_INPUT_H_
#define BTFD_TESTS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace btfd::fuzz {

// A heap copy of exactly the same size.
class ExactCopy {
 public:
  explicit ExactCopy(absl::string_view bytes)
      : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  absl::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

// The parts of the input. Each follows its length (16 bits, little-endian). If
// a length is too large, the part is all that is left.
class Parts {
 public:
  Parts(const uint8_t* data, size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  uint16_t Short() {
    const uint16_t low = Byte();
    return static_cast<uint16_t>(low | Byte() << 8);
  }
  ExactCopy Part() {
    const size_t claimed = Short();
    const size_t size = std::min(claimed, rest_.size());
    const absl::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return ExactCopy(part);
  }
  bool empty() const { return rest_.empty(); }

 private:
  absl::string_view rest_;
};

// Makes a part in this framing, for the seeds.
inline std::string FramedPart(absl::string_view part) {
  std::string framed;
  framed.push_back(static_cast<char>(part.size() & 0xff));
  framed.push_back(static_cast<char>(part.size() >> 8));
  framed.append(part.data(), part.size());
  return framed;
}

}  // namespace btfd::fuzz

#endif  // BTFD_TESTS_FUZZ_INPUT_H_
