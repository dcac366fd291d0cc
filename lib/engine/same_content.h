// SPDX-License-Identifier: Apache-2.0
//
// Whether two BTFs say the same, even if their strings lie in another order.
#ifndef BTFD_LIB_ENGINE_SAME_CONTENT_H_
#define BTFD_LIB_ENGINE_SAME_CONTENT_H_

#include "lib/btf/btf.h"

namespace btfd::engine {

// True if own types are the same, one by one, up to the offsets of equal texts.
// Headers are not compared. Precondition: the parents are the same.
bool SameContent(const btf::Btf& a, const btf::Btf& b);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_SAME_CONTENT_H_
