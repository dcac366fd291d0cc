// SPDX-License-Identifier: Apache-2.0
#include "lib/util/hash_secret.h"

#include <random>

namespace btfd::util {

uint64_t HashSecret() {
  static const uint64_t secret = [] {
    std::random_device random;
    uint64_t drawn = 0;
    while (drawn == 0) drawn = uint64_t{random()} << 32 | random();
    return drawn;
  }();
  return secret;
}

}  // namespace btfd::util
