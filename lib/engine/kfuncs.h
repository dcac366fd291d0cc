// SPDX-License-Identifier: Apache-2.0
//
// Which functions of a BTF are kfuncs, and with which flags: through the
// bpf_kfunc decl tags that are in the BTF (7.0 to 7.2), or through the entries
// of the flagged SET8s in .BTF_ids (7.3).
#ifndef BTFD_LIB_ENGINE_KFUNCS_H_
#define BTFD_LIB_ENGINE_KFUNCS_H_

#include <cstdint>
#include <deque>
#include <memory_resource>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/engine/btf_ids.h"
#include "lib/engine/lookup.h"

namespace btfd::engine {

// Kernel: include/linux/btf.h.
inline constexpr uint32_t kKfFastcall = 1u << 12;
inline constexpr uint32_t kKfArenaRet = 1u << 13;
inline constexpr uint32_t kKfArenaArg1 = 1u << 14;
inline constexpr uint32_t kKfArenaArg2 = 1u << 15;
inline constexpr uint32_t kKfImplicitArgs = 1u << 16;
// Flag of a SET8 that holds kfuncs.
inline constexpr uint32_t kSet8Kfuncs = 1u << 0;

inline constexpr absl::string_view kKfuncTag = "bpf_kfunc";

struct Kfunc {
  absl::string_view name;  // as in the symbol's name, which outlives it
  btf::TypeId id;          // of its FUNC
  uint32_t flags;
  bool finalized;  // its set was resolved before
};

// Own FUNCs by name, indexed on first use. Not affected by later changes of the
// BTF's strings.
class OwnFuncs {
 public:
  explicit OwnFuncs(const btf::Btf& btf)
      : btf_(btf),
        strings_(btf.memory()),
        added_(btf.memory()),
        table_(btf.memory(), 64) {}

  // The first one of that name; 0 if there is none.
  btf::TypeId Find(absl::string_view name);
  // Tells of one that was added since.
  void Add(absl::string_view name, btf::TypeId id);

 private:
  void Index();

  const btf::Btf& btf_;
  bool indexed_ = false;
  std::pmr::string strings_;                 // the own ones, as indexed
  std::pmr::deque<std::pmr::string> added_;  // names that table_ points to
  TextTable table_;
};

// In the order of processing: by tag, a function with two tags twice.
// `decl_tags` are all of base and split, ascending.
absl::StatusOr<std::pmr::vector<Kfunc>> KfuncsByDeclTags(
    const btf::Btf& btf, BtfIds* ids,
    const std::pmr::vector<btf::TypeId>& decl_tags);

// Ascending by id, each once. Appends a warning for each entry without a symbol
// or without a function. InvalidArgument where one function has two different
// flags.
absl::StatusOr<std::pmr::vector<Kfunc>> KfuncsBySet8(
    const btf::Btf& btf, BtfIds* ids, OwnFuncs* own_funcs,
    std::vector<std::string>* warnings);

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_KFUNCS_H_
