// SPDX-License-Identifier: Apache-2.0
//
// The checksum that is stored beside each value: XXH3-128 over the value's
// bytes. Its seed is a hash of the value's name (key). So a value that stands
// under a wrong name is found to be damaged, as one with a flipped bit is.
#ifndef BTFD_LIB_STORE_CHECKSUM_H_
#define BTFD_LIB_STORE_CHECKSUM_H_

#include <xxhash.h>

#include <string>

#include "absl/strings/string_view.h"

namespace btfd::store {

// Returns 16 bytes.
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
