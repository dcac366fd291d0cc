// SPDX-License-Identifier: Apache-2.0
//
// What the base has to say about an encoder's interned residue.
//
// The encoder leaves out copies of types that the file has already. That is
// safe as long as each name means one thing (lib/encode/interner.h). The
// encoder sees to it within the file; the base has a part in it as well:
//   - Names that mean more than one thing in the base are told to the encoder
//     before it starts (NamesOf).
//   - A forward declaration stands for a definition of the file, and base and
//     result together have more than one definition of its name. A type that
//     was left out could have shown which one is meant. That is found at the
//     end (CheckResult).
#ifndef BTFD_LIB_ENGINE_INTERNING_CHECK_H_
#define BTFD_LIB_ENGINE_INTERNING_CHECK_H_

#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/engine/pipeline.h"

namespace btfd::engine {

BaseNames NamesOf(const btf::Base& base);

class InterningCheck {
 public:
  // Both must outlive it.
  InterningCheck(const btf::Base& base, std::pmr::memory_resource* memory)
      : base_(base), memory_(memory) {}

  // Keeps the names of these types of the residue. InvalidArgument if one is no
  // forward declaration.
  absl::Status ReadForwards(const btf::Btf& residue,
                            absl::Span<const uint32_t> forwards);
  // Of what deduplication made of the residue over the base. FailedPrecondition
  // names the type that is not certain. Costs O(types).
  absl::Status CheckResult(const btf::Btf& result) const;

 private:
  const btf::Base& base_;
  std::pmr::memory_resource* const memory_;
  std::vector<std::string> forwards_;  // names
};

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_INTERNING_CHECK_H_
