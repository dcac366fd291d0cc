// SPDX-License-Identifier: Apache-2.0
//
// Functions: which of DWARF's get a FUNC, and with which prototype.
//
// A function may stand in DWARF many times: in several units, as an abstract
// instance and as concrete ones. BPF programs that attach to it rely on its
// prototype, so one is made only where all that is known agrees: the symbol's
// address is one, prototypes match, and parameters are passed where the calling
// convention says. A state is kept for each time that a function is met; when
// all units are read, states of one symbol are combined, and the functions made
// in the order of their names.
#ifndef BTFD_LIB_ENCODE_FUNCTIONS_H_
#define BTFD_LIB_ENCODE_FUNCTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "lib/dwarf/object.h"
#include "lib/dwarf/unit.h"
#include "lib/encode/builder.h"
#include "lib/encode/function_table.h"
#include "lib/encode/rules.h"
#include "lib/encode/types.h"
#include "lib/encode/unit_graph.h"
#include "lib/util/work_budget.h"

namespace btfd::encode {

// Why a function has no FUNC, the first that holds of these.
enum class SkipReason {
  kUnexpectedRegister,
  kInconsistent,
  kUncertain,
  kReordered,
  kAmbiguousAddress,
  kOptimized,
};

// In pahole's words, as its -V tells them.
absl::string_view SkipReasonText(SkipReason reason);

struct SkippedFunction {
  std::string name;
  SkipReason reason;
  // Where its states are, by the offset of the DIE in .debug_info.
  std::vector<uint64_t> dies;
};

class Functions {
 public:
  // All must outlive it. `table` is empty where the file has no symbols.
  // Reading locations and comparing prototypes is paid from `work`.
  Functions(const dwarf::Object& object, const Rules& rules,
            const Features& features, NameTable* names, FunctionTable* table,
            Builder* builder, util::WorkBudget* work);

  // Finds out what is known of the parameters of the functions in `graph`, and
  // completes those that refer to another instance. After Loader::Resolve().
  // `units` are those that FunctionNode::unit counts.
  void Resolve(const std::vector<dwarf::Unit>& units, UnitGraph* graph);
  // Keeps the states of the unit's functions; or makes them at once, where the
  // rules say so. After the unit's types were made.
  void Save(const UnitGraph& graph, const TypePlan& plan);
  // Combines the states and makes the functions.
  absl::Status Make();

  const std::vector<SkippedFunction>& skipped() const { return skipped_; }

 private:
  struct SavedParameter {
    NameId name;
    BtfId type;
  };
  struct State {
    uint32_t entry;
    NameId source_name;
    uint64_t address;
    uint64_t die;
    BtfId result;
    uint32_t first_parameter;
    uint32_t parameter_count;
    uint32_t first_tag;
    uint32_t tag_count;
    bool by_prefix;
    bool optimized;
    bool unexpected;
    bool inconsistent;
    bool uncertain;
    bool reordered;
    bool signature_changed;
  };
  struct SavedTag {
    NameId value;
    int32_t component;
  };

  void FindFacts(const std::vector<dwarf::Unit>& units, UnitGraph* graph);
  void FindFactsOld(const dwarf::Unit& unit, ParameterNode* parameter);
  void FindFactsNew(const dwarf::Unit& unit, const UnitGraph& graph,
                    ParameterNode* parameter);
  uint16_t ParameterSize(const UnitGraph& graph,
                         const ParameterNode& parameter) const;
  void Complete(UnitGraph* graph);
  void Analyse(bool is_clang, const UnitGraph& graph, FunctionNode* function);
  bool IsStruct(const UnitGraph& graph, uint32_t type) const;
  bool IsUncertain(const UnitGraph& graph, const FunctionNode& function,
                   class PackedStructs* packed) const;
  NameId ChainName(const UnitGraph& graph, const FunctionNode& function) const;

  bool TypesMatch(BtfId a, BtfId b, int depth) const;
  bool PrototypesMatch(const State& a, const State& b) const;
  bool IsOptimizedAway(const State& state) const;
  absl::Status MakeGroup(absl::Span<State> states);
  absl::Status MakeFunction(const State& state);
  absl::Status AddArenas(const FunctionEntry& entry, BtfId* result,
                         std::vector<SavedParameter>* parameters);
  // A name as it is kept: at most 127 bytes.
  NameId Cut(NameId name);

  const dwarf::Object& object_;
  const Rules& rules_;
  const Features& features_;
  NameTable* const names_;
  FunctionTable* const table_;
  Builder* const builder_;
  util::WorkBudget* const work_;
  absl::Span<const int16_t> registers_;  // of the calling convention, in order
  size_t register_count_ = 0;            // may be known without the list

  std::vector<State> states_;
  std::vector<SavedParameter> parameters_;
  std::vector<SavedTag> tags_;
  std::vector<bool> made_;  // by entry, with functions_at_once
  std::vector<SkippedFunction> skipped_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_FUNCTIONS_H_
