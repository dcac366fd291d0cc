// SPDX-License-Identifier: Apache-2.0
//
// The engine's one entry: everything that finalization does to a module's BTF,
// as a list of stages. Pure: bytes in, bytes out; no files, no clock, no
// globals; the same output for the same input at any thread count.
#ifndef BTFD_LIB_ENGINE_PIPELINE_H_
#define BTFD_LIB_ENGINE_PIPELINE_H_

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/engine/dedup/rules.h"
#include "lib/util/version.h"

namespace btfd::btf {
class DedupIndex;  // dedup_index.h
}

namespace btfd::engine {

using util::kEngineVersion;

// How kfuncs are found.
enum class KfuncSource {
  kNone,      // 6.x: no rewrite at all
  kDeclTags,  // 7.0 - 7.2: bpf_kfunc decl tags of the BTF
  kSet8,      // 7.3: entries of the flagged SET8s of .BTF_ids
};

// What to do, stage by stage. A profile (6.x, 7.0, 7.2, 7.3) is a preset of
// these; see client/request/profile.h.
struct Steps {
  // The input is a standalone BTF: append it to an empty split BTF over the
  // base and dedup, first of all.
  bool rebase = false;
  // The input is an encoder's residue: a standalone BTF of all that it made of
  // DWARF, types in pahole's order, and strings in the order in which they were
  // added first, those included that nothing refers to. It is added to an empty
  // BTF over the base (none: standalone) and deduplicated by the rules of that
  // libbpf, first of all steps. That makes what the pahole that comes with this
  // libbpf had written; the other steps go on from there. Excludes rebase,
  // kernel_check, follow_resolved_ids and a distilled base that came with it.
  std::optional<LibbpfRules> encoded;
  // Set where that residue is interned: it holds one of many equal types. Holds
  // the ids of its forward declarations of what the file defines, too. Where
  // what is not in the residue could make a difference over this base, the run
  // fails with FailedIn::kInterning. Needs `encoded` and a base.
  std::optional<std::vector<uint32_t>> interned_forwards;
  // Only tell the names of the base (FinalizeOutput::base_names): there is
  // nothing to finalize yet. Needs a base.
  bool base_names = false;
  KfuncSource kfuncs = KfuncSource::kNone;
  // KF_IMPLICIT_ARGS prototypes (with kDeclTags and kSet8).
  bool implicit_args = false;
  // bpf_kfunc and bpf_fastcall decl tags, arena address_space(1) attributes
  // (with kSet8).
  bool kfunc_tags = false;
  bool dedup = false;
  bool distill = false;  // ignored without a base, as upstream does
  bool sort = false;
  // Resolve symbols and patch .BTF_ids, if the module has them.
  bool resolve_ids = true;
  // Sets that already hold ids of this BTF keep them, renumbered, instead of
  // being resolved by symbol again: makes finalizing twice the same as once.
  bool follow_resolved_ids = false;
  // Header of BTF that distill makes: 24 (7.0) or 32.
  uint32_t new_header_size = 32;
  // Check the BTF as it came (and its .BTF.base, and the kfuncs of .BTF_ids) by
  // what the kernel that has the base demands of a module. See kernel_check.h
  // and kernel_check/kfunc_sets.h.
  bool kernel_check = false;
};

inline bool NeedsDedupIndex(const Steps& steps) {
  return steps.dedup || steps.rebase || steps.encoded.has_value();
}

// One symbol of .BTF_ids, as it stands in the symbol table.
struct IdSymbol {
  std::string name;  // whole, with its __BTF_ID__ prefix
  uint64_t value = 0;
  uint64_t size = 0;
};

// What the ELF says of .BTF_ids; absent where it has no such section or no
// symbol table.
struct IdsSection {
  std::string content;          // as in the file, in the ELF's byte order
  uint64_t address = 0;         // sh_addr
  bool foreign_endian = false;  // ELF data encoding differs from the host's
  // Only symbols of that section whose name starts with __BTF_ID__, in symbol
  // table order.
  std::vector<IdSymbol> symbols;
};

struct FinalizeInput {
  absl::string_view btf;  // raw .BTF
  // Raw .BTF.base that came with it, or empty: the split then counts from that
  // distilled base, and is relocated onto `base` first where there is one.
  absl::string_view distilled_base;
  const btf::Base* base = nullptr;  // null: standalone, or distilled_base alone
  // Candidates of `base`; needed over a base by what NeedsDedupIndex() says,
  // else null.
  const btf::DedupIndex* dedup_index = nullptr;
  std::optional<IdsSection> ids;
};

// Which part of the input a failure was found in.
// kInterning: nothing is wrong, but the encoder has to make all types.
enum class FailedIn { kNone, kBase, kBtf, kDistilledBase, kIds, kInterning };

// What an encoder has to know of a base to leave out types, sorted.
struct BaseNames {
  std::vector<std::string> declared;  // of its forward declarations
  std::vector<std::string> repeated;  // of more than one struct or union
};

struct FinalizeOutput {
  // Each is set only where upstream's tool would write that file.
  std::optional<std::string> btf;       // new .BTF
  std::optional<std::string> btf_base;  // new .BTF.base
  std::optional<std::string> btf_ids;   // new .BTF_ids, in the ELF's order
  // Lines for stderr in upstream's words and order, without the newline. Set
  // on failure, too: upstream had printed them before it failed.
  std::vector<std::string> warnings;
  FailedIn failed_in = FailedIn::kNone;
  // Steps that the input's defects could have made too many of; a measure of
  // cost that is the same on any machine. See util::WorkBudget.
  uint64_t work = 0;
  // Sizes before and after, for summaries.
  uint32_t types_in = 0;
  uint32_t types_out = 0;
  // Types that kernel_check has judged, those of .BTF.base included; nothing
  // where it was not asked for.
  std::optional<uint32_t> kernel_checked;
  std::optional<BaseNames> base_names;  // if asked for
};

// Runs the stages. Errors: InvalidArgument for any defect of the input (the
// message names section and offset) and for steps that exclude each other,
// ResourceExhausted where a result would not fit the format, or where finding
// it would cost out of all proportion to the input's size. `memory` holds all
// intermediate state and may be reset after the call. Thread-safe over one
// base.
absl::Status Finalize(const FinalizeInput& input, const Steps& steps,
                      std::pmr::memory_resource* memory,
                      FinalizeOutput* output);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_PIPELINE_H_
