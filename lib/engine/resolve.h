// SPDX-License-Identifier: Apache-2.0
//
// Names to ids: what the words of .BTF_ids will hold.
#ifndef BTFD_LIB_ENGINE_RESOLVE_H_
#define BTFD_LIB_ENGINE_RESOLVE_H_

#include <string>
#include <vector>

#include "lib/btf/btf.h"
#include "lib/engine/btf_ids.h"

namespace btfd::engine {

// Gives each name of a type the lowest id that has it, the parent's ids first.
// Appends upstream's warnings about names that several types have, in its
// order. Costs O(names + own types) over an indexed base; a parent that is a
// mere Btf (a distilled base) is walked.
void ResolveNames(const btf::Btf& btf, BtfIds* ids,
                  std::vector<std::string>* warnings);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_RESOLVE_H_
