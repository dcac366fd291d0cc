// SPDX-License-Identifier: Apache-2.0
//
// The hash of texts. Every table of strings or names that outlives a request
// uses it, so that one hash serves all look-ups of a text. It is stored in
// blobs: whoever changes it raises the versions of the blobs.
#ifndef BTFD_LIB_BTF_STRING_HASH_H_
#define BTFD_LIB_BTF_STRING_HASH_H_

#include <cstdint>

#include "absl/strings/string_view.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include "lib/util/hash_secret.h"

namespace btfd::btf {

inline uint64_t HashString(absl::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

// The hash for tables of one request. Its seed is secret, so nobody can choose
// texts with the same hash.
inline uint64_t HashStringSecretly(absl::string_view text) {
  return XXH3_64bits_withSeed(text.data(), text.size(), util::HashSecret());
}

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_STRING_HASH_H_
