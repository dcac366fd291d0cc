// SPDX-License-Identifier: Apache-2.0
//
// The functions of a module or kernel that BPF programs may call.
#ifndef BTFD_LIB_DIFF_KFUNCS_H_
#define BTFD_LIB_DIFF_KFUNCS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/btf/btf.h"
#include "lib/engine/pipeline.h"

namespace btfd::diff {

// The flags are those of its set in .BTF_ids, where that can be read.
struct Kfunc {
  std::string name;
  std::optional<uint32_t> flags;
};

// The own FUNCs of `btf` that a DECL_TAG calls kfuncs, and those of the SET8s
// of `ids`, resolved or not; sorted and unique by name. Errors: as of
// engine::BtfIds and engine::KfuncsBySet8().
absl::StatusOr<std::vector<Kfunc>> KfuncsOf(
    const btf::Btf& btf, const std::optional<engine::IdsSection>& ids);

}  // namespace btfd::diff

#endif  // BTFD_LIB_DIFF_KFUNCS_H_
