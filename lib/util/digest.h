// SPDX-License-Identifier: Apache-2.0
//
// SHA-256, the only digest that names things: bases by their raw .BTF bytes,
// results by their inputs.
#ifndef BTFD_LIB_UTIL_DIGEST_H_
#define BTFD_LIB_UTIL_DIGEST_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace btfd::util {

struct Digest {
  static constexpr size_t kSize = 32;
  std::array<uint8_t, kSize> bytes{};

  static Digest Of(absl::string_view data);
  // InvalidArgument unless it is exactly 32 bytes.
  static absl::StatusOr<Digest> FromBinary(absl::string_view binary);
  // InvalidArgument unless it is exactly 64 hex digits.
  static absl::StatusOr<Digest> FromHex(absl::string_view hex);

  absl::string_view binary() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string hex() const;

  friend bool operator==(const Digest& a, const Digest& b) {
    return a.bytes == b.bytes;
  }
  friend bool operator!=(const Digest& a, const Digest& b) { return !(a == b); }
  friend bool operator<(const Digest& a, const Digest& b) {
    return a.bytes < b.bytes;
  }
  template <typename H>
  friend H AbslHashValue(H h, const Digest& d) {
    return H::combine(std::move(h), d.bytes);
  }
};

// The digest of several fields. Each is preceded by its length, so that two
// different lists of fields never give the same bytes.
class DigestBuilder {
 public:
  DigestBuilder();
  ~DigestBuilder();
  DigestBuilder(const DigestBuilder&) = delete;
  DigestBuilder& operator=(const DigestBuilder&) = delete;

  DigestBuilder& Add(absl::string_view field);
  DigestBuilder& Add(uint64_t field);
  // Adds raw bytes without a length: for one field that comes in pieces.
  DigestBuilder& AddChunk(absl::string_view bytes);
  Digest Finish();

 private:
  void* context_;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_DIGEST_H_
