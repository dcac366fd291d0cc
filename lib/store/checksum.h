// SPDX-License-Identifier: Apache-2.0
//
// The checksum that stands beside everything stored: XXH3-128 over the bytes,
// seeded by what names them, so that a row that came to stand under another
// name is as damaged as one with a flipped bit.
#ifndef BTFD_LIB_STORE_CHECKSUM_H_
#define BTFD_LIB_STORE_CHECKSUM_H_

#include <xxhash.h>

#include <string>

#include "absl/strings/string_view.h"

namespace btfd::store {

// 16 bytes.
inline std::string Checksum(absl::string_view name, absl::string_view bytes) {
  const XXH64_hash_t seed = XXH3_64bits(name.data(), name.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(
      &canonical, XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed));
  return std::string(reinterpret_cast<const char*>(canonical.digest),
                     sizeof(canonical.digest));
}

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_CHECKSUM_H_
