// SPDX-License-Identifier: Apache-2.0
//
// A module's .BTF_ids: its words, and the __BTF_ID__ symbols that say what each
// word stands for. Formats: Linux include/linux/btf_ids.h, and the name rules
// of tools/bpf/resolve_btfids (6.12, 7.2 and 7.3 agree on all of this).
//
//   __BTF_ID__KIND__NAME__UNIQUE  one word, the id of the KIND called NAME
//   __BTF_ID__set__NAME           { count, id ... }, its size says the count
//   __BTF_ID__set8__NAME          { count, set flags, (id, entry flags) ... }
//
// As assembled, ids and counts are zero. Finalization writes ids and counts and
// sorts each set by id; from then on the symbols' addresses no longer say which
// entry of a set is which. FollowResolvedSets() undoes that.
//
// Not thread-safe. Errors are InvalidArgument and name the symbol and its
// offset in the section; ResourceExhausted where sets overlap so often that the
// budget is used up.
#ifndef BTFD_LIB_ENGINE_BTF_IDS_H_
#define BTFD_LIB_ENGINE_BTF_IDS_H_

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/btf/btf.h"
#include "lib/engine/lookup.h"
#include "lib/engine/pipeline.h"
#include "lib/util/work_budget.h"

namespace btfd::engine {

// In the order in which upstream patches them. Set and SET8 share one space of
// names.
enum class IdKind : uint8_t { kStruct, kUnion, kTypedef, kFunc, kSet };
inline constexpr int kIdKinds = 5;

// The IdKind of a STRUCT, UNION, TYPEDEF or FUNC.
std::optional<IdKind> IdKindOf(btf::Kind kind);

// One distinct name of a kind, with all places that use it.
struct IdName {
  absl::string_view name;  // without prefix and unique suffix
  IdKind kind;
  bool set8 = false;         // kSet: which of the two
  bool followed = false;     // kSet: see FollowResolvedSets()
  uint32_t count = 0;        // kSet: entries, by the symbol's size
  btf::TypeId id = 0;        // else: what it was resolved to; 0: nothing
  uint32_t first_place = 0;  // for BtfIds::place()
  uint32_t place_count = 0;
};

class BtfIds {
 public:
  // More places for one name are an error.
  static constexpr uint32_t kMaxPlaces = 100;

  // `section` must outlive the result, and so must `work`, if not null.
  static absl::StatusOr<BtfIds> Parse(const IdsSection& section,
                                      std::pmr::memory_resource* memory,
                                      util::WorkBudget* work = nullptr);

  // What steps over symbols and sets are spent of.
  absl::Status Spend(uint64_t steps) const {
    if (work_ == nullptr) return absl::OkStatus();
    work_->Spend(steps);
    return work_->Check();
  }

  // By kind, and in each by descending name (bytewise): upstream's order of
  // everything it does.
  absl::Span<IdName* const> names() const { return ordered_; }
  // Those of kind kSet.
  absl::Span<IdName* const> sets() const {
    return absl::MakeConstSpan(ordered_).last(symbol_count(IdKind::kSet));
  }
  // Null if there is none.
  IdName* Find(IdKind kind, absl::string_view name);
  // Symbols of a kind; a name may have several.
  uint32_t symbol_count(IdKind kind) const {
    return symbol_count_[static_cast<int>(kind)];
  }

  // Byte offset, from the start of the section, of the i-th symbol of a name,
  // in symbol table order. May lie outside of the section.
  uint64_t place(const IdName& name, uint32_t i) const {
    return symbols_[places_[name.first_place + i]].offset;
  }
  // The name of a symbol at an offset, or null. Where several are, it is the
  // one that upstream's binary search ends at.
  const IdName* NameAt(uint64_t offset);

  // Makes the offsets of symbols true again for the sets that were resolved
  // against `btf` before. Such a set holds its symbol's count, at least one id,
  // and only ids whose kind and name are among the symbols inside of it. Its
  // symbols are moved to the entries that hold their ids. Names without an id
  // are the entries of id zero, which the stable sort has put first in their
  // old order. Any other set is left as it is: it is raw, or was not made from
  // this BTF. Single ids need none of this; nobody moves them.
  //
  // Finalizing a finalized module so is the same as finalizing the raw one.
  absl::Status FollowResolvedSets(const btf::Btf& btf);

  uint64_t size() const { return bytes_.size(); }
  bool InBounds(uint64_t offset, uint64_t length) const {
    return offset <= size() && length <= size() - offset;
  }
  // In host order. Precondition: InBounds(offset, 4).
  uint32_t word(uint64_t offset) const;

  // Writes ids and counts, and sorts the sets. Appends the warnings about
  // names without an id.
  absl::Status Patch(std::vector<std::string>* warnings);

  // The section in the ELF's byte order.
  std::string Content() const;

 private:
  struct Symbol {
    uint64_t offset;
    uint32_t name;  // index in names_
  };

  explicit BtfIds(std::pmr::memory_resource* memory);

  absl::Status AddSymbol(const IdSymbol& symbol, uint64_t address);
  void OrderNames();
  void IndexByOffset();
  struct SetEntries;
  // FollowResolvedSets() for one set, and its steps.
  void FollowSet(IdName* set, const btf::Btf& btf);
  std::optional<SetEntries> EntriesOf(const IdName& set) const;
  std::vector<uint32_t> MembersOf(const SetEntries& entries) const;
  bool MatchIds(const SetEntries& entries, const btf::Btf& btf,
                const std::vector<uint32_t>& members,
                std::vector<uint64_t>* moved, uint32_t* zeros);
  bool MatchZeros(const SetEntries& entries,
                  const std::vector<uint32_t>& members, uint32_t zeros,
                  std::vector<uint64_t>* moved) const;
  void set_word(uint64_t offset, uint32_t value);
  template <typename Entry>
  absl::Status SortSet(const IdName& set, uint64_t header_bytes);

  util::WorkBudget* work_ = nullptr;
  std::pmr::string bytes_;  // whole words in host order, then the rest as is
  bool foreign_endian_ = false;
  std::pmr::vector<IdName> names_;     // in order of first appearance
  std::pmr::vector<TextTable> index_;  // of names_, by kind
  std::pmr::vector<IdName*> ordered_;
  uint32_t symbol_count_[kIdKinds] = {};
  std::pmr::vector<Symbol> symbols_;      // symbol table order
  std::pmr::vector<uint32_t> places_;     // indices of symbols_, by name
  std::pmr::vector<uint32_t> by_offset_;  // the same, by offset; made lazily
};

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_BTF_IDS_H_
