// SPDX-License-Identifier: Apache-2.0
//
// The hash of texts: every table of strings or names that outlives a request
// uses it, so that a hash computed once serves all look-ups of that text.
// Stored in blobs: a change here is a change of their version.
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

// The same for tables of one request: nobody can make texts that meet in it.
inline uint64_t HashStringSecretly(absl::string_view text) {
  return XXH3_64bits_withSeed(text.data(), text.size(), util::HashSecret());
}

}  // namespace btfd::btf

#endif  // BTFD_LIB_BTF_STRING_HASH_H_
