// SPDX-License-Identifier: Apache-2.0
//
// Variables: those of .data..percpu, and with global_var of every section, as
// VAR, and a DATASEC for each section that has some.
#ifndef BTFD_LIB_ENCODE_VARIABLES_H_
#define BTFD_LIB_ENCODE_VARIABLES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "lib/dwarf/object.h"
#include "lib/encode/builder.h"
#include "lib/encode/names.h"
#include "lib/encode/rules.h"
#include "lib/encode/types.h"
#include "lib/encode/unit_graph.h"

namespace btfd::encode {

class Variables {
 public:
  // All must outlive it.
  Variables(const dwarf::Object& object, const Rules& rules,
            const Features& features, NameTable* names, Builder* builder);

  // Makes the VARs of a unit, after its types. FailedPrecondition for a name or
  // a type that BTF cannot take, unless encode_force is on. Lines for stderr
  // are added to `messages`.
  absl::Status MakeVars(const UnitGraph& graph, const TypePlan& plan,
                        std::vector<std::string>* messages);
  // After all units.
  void MakeSections();

 private:
  struct InSection {
    BtfId id;
    uint32_t offset;
    uint32_t size;
  };
  struct PercpuSymbol {
    uint64_t address;
    uint64_t size;
    absl::string_view name;
  };

  // The section that holds an address, or 0.
  uint32_t SectionAt(uint64_t address) const;
  bool HasSymbolNamed(absl::string_view name, uint32_t section);
  const PercpuSymbol* SymbolAt(uint64_t address) const;
  void CollectSymbols();
  void Add(const TypePlan& plan, absl::Span<const DeclTagNode> tags,
           const VariableNode& variable, NameId name, uint32_t section,
           uint64_t offset, uint64_t size);

  const dwarf::Object& object_;
  const Rules& rules_;
  const Features& features_;
  NameTable* const names_;
  Builder* const builder_;
  // Sections and names of objects; made when first asked for.
  absl::flat_hash_set<std::pair<uint32_t, absl::string_view>> objects_;
  bool objects_known_ = false;
  uint32_t percpu_ = 0;                // index of .data..percpu, or 0
  std::vector<PercpuSymbol> symbols_;  // 1.24's, in order of addresses
  std::vector<std::vector<InSection>> sections_;
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_VARIABLES_H_
