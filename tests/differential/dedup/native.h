// SPDX-License-Identifier: Apache-2.0
//
// The engine's side of a comparison with libbpf: takes and returns raw bytes.
#ifndef BTFD_TESTS_DIFFERENTIAL_DEDUP_NATIVE_H_
#define BTFD_TESTS_DIFFERENTIAL_DEDUP_NATIVE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/engine/dedup/dedup.h"
#include "lib/util/arena.h"

namespace btfd::tests {

struct NativeBase {
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> index;
};

// The base's index as a restarted daemon gets it: from a stored blob.
absl::StatusOr<NativeBase> LoadNativeBase(const std::string& raw);

// Deduplicates a split BTF `over` a base, or a standalone BTF if `over` is
// null. `arena` is reset.
absl::StatusOr<std::string> NativeDedup(const std::string& raw,
                                        const NativeBase& over,
                                        const engine::DedupOptions& options,
                                        util::Arena* arena);

struct NativeResidue {
  std::string btf;
  std::string distilled_base;  // if it was asked for
};

// Puts the residue of an encoder over a base or over none, by options.rules,
// and distills it if asked for. `arena` is reset. A residue is the BTF that an
// encoder has written, before its libbpf deduplicates it.
absl::StatusOr<NativeResidue> NativeEncode(const std::string& residue,
                                           const NativeBase& over,
                                           engine::DedupOptions options,
                                           bool distill, util::Arena* arena);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_DEDUP_NATIVE_H_
