// SPDX-License-Identifier: Apache-2.0
//
// Whether types can be written as C by libbpf's btf_dump, which trusts what it
// is given: it follows references by recursion and without an end, walks shared
// parts as often as they are used, pads what it takes for gaps byte by byte,
// divides by alignments, and prints names as they are.
#ifndef BTFD_LIB_SHOW_C_CHECK_H_
#define BTFD_LIB_SHOW_C_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/util/work_budget.h"

namespace btfd::show {

// Whether it is a letter or '_', and then letters, digits and '_'.
bool IsCIdentifier(absl::string_view name);

// Checks types one by one, each with all that its text in C is made of.
class CCheck {
 public:
  // How deep types may nest: libbpf needs stack for each level.
  static constexpr uint32_t kMaxDepth = 1'000;
  // The most parts of a type that libbpf 1.1 reads.
  static constexpr uint32_t kMaxVlen = 0xffff;

  // Both must outlive it.
  CCheck(const btf::Btf& btf, util::WorkBudget* work);

  // InvalidArgument names the type, and what it cannot be in C: a circle that
  // no pointer to a named struct breaks, deeper than kMaxDepth, a member
  // without a size, a name that is no identifier, a kind that C has no words
  // for. ResourceExhausted where its text would be longer than `work` allows.
  absl::Status Check(btf::TypeId root);

 private:
  // What is known of one way to reach a type: as a whole, or by name because a
  // pointer leads to it.
  struct Node {
    enum State : uint8_t { kNew, kOpen, kDone } state = kNew;
    uint32_t depth = 0;
    uint64_t cost = 0;   // bytes of text, and steps that lead to it
    uint64_t parts = 0;  // that are looked at for its alignment
    uint64_t size = 0;   // in bytes, or kNoSize
  };
  struct Use {
    btf::TypeId id;
    bool by_name;
  };
  struct Turn {
    Use use;
    size_t begin, next, end;  // in uses_
  };
  static constexpr uint64_t kNoSize = UINT64_MAX;

  Node& NodeOf(const Use& use) { return nodes_[2 * use.id + use.by_name]; }
  absl::Status Open(const Use& use);
  absl::Status Close(const Turn& turn);
  void AddUses(const btf::TypeRecord& type, bool by_name);
  bool IsDeclaredOnly(const Use& use) const;
  // Whether it is defined once, and used by its name.
  bool IsDefinition(const Use& use) const;
  uint64_t SizeOf(const btf::TypeRecord& type, const Turn& turn);
  absl::Status CheckMembers(const Turn& turn, uint64_t* cost);
  absl::Status CheckNames(btf::TypeId id);
  absl::Status CheckName(btf::TypeId id, uint32_t name_off);
  absl::Status Refuse(btf::TypeId id, absl::string_view defect) const;

  const btf::Btf& btf_;
  util::WorkBudget* const work_;
  std::vector<Node> nodes_;
  std::vector<bool> names_checked_;  // by id
  std::vector<Turn> stack_;
  std::vector<Use> uses_;  // of all turns, back to back
};

}  // namespace btfd::show

#endif  // BTFD_LIB_SHOW_C_CHECK_H_
