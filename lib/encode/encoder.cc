// SPDX-License-Identifier: Apache-2.0
//
// The run: units in the order of the file, then functions, then sections.
#include "lib/encode/encoder.h"

#include <elf.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/encode/builder.h"
#include "lib/encode/function_table.h"
#include "lib/encode/interner.h"
#include "lib/encode/loader.h"
#include "lib/encode/names.h"
#include "lib/encode/open_names.h"
#include "lib/encode/types.h"
#include "lib/encode/unit_graph.h"
#include "lib/encode/unit_reader.h"
#include "lib/encode/variables.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::encode {

namespace {

// include/linux/elfnote-lto.h
constexpr uint32_t kLtoNote = 0x101;

class Run {
 public:
  Run(const dwarf::Object& object, const EncodeOptions& options)
      : object_(object),
        options_(options),
        rules_(RulesOf(options.version)),
        work_(util::WorkBudget::ForInput(object.file().bytes().size())),
        names_(object, &work_),
        table_(object, rules_, options.features, &names_),
        builder_(&names_),
        types_(rules_, options.features, &names_, &builder_),
        functions_(object, rules_, options.features, &names_, &table_,
                   &builder_, &work_),
        variables_(object, rules_, options.features, &names_, &builder_),
        interner_(rules_, &names_, &work_),
        order_(object.info.relocations) {}

  absl::StatusOr<Encoded> Encode();
  // Whether what Encode() left out could make a difference; then what it gave
  // is of no use.
  bool uncertain() const { return !options_.make_all && interner_.uncertain(); }
  // Whether the relocations are in the order in which they were taken to be.
  // Else what Encode() gave is of no use.
  bool in_order() { return order_.UpTo(UINT64_MAX); }

 private:
  absl::Status ReadUnits();
  absl::StatusOr<bool> IsMerged(const std::vector<dwarf::Unit>& units);
  absl::Status ReadMerged(std::vector<dwarf::Unit> units);
  absl::Status EncodeGraph(const std::vector<dwarf::Unit>& units, bool make_all,
                           UnitGraph* graph);
  void MarkKfuncs();
  void FindMissingKfuncs();
  void GiveBack(absl::string_view bytes) const {
    if (options_.done_with) options_.done_with(bytes);
  }
  // Units use them in their order, mostly. The texts of a linked file are
  // shared by all units.
  void GiveBackTables() const {
    for (const dwarf::DebugSection* section :
         {&object_.info, &object_.loclists, &object_.loc, &object_.addr}) {
      GiveBack(section->relocations.table());
    }
    GiveBack(object_.loclists.content);
    GiveBack(object_.loc.content);
    GiveBack(object_.abbrev.content);
    if (object_.relocatable()) GiveBack(object_.str.content);
  }
  bool IsExcluded(uint16_t language) const {
    return std::find(options_.excluded_languages.begin(),
                     options_.excluded_languages.end(),
                     language) != options_.excluded_languages.end();
  }

  const dwarf::Object& object_;
  const EncodeOptions& options_;
  const Rules& rules_;
  util::WorkBudget work_;
  NameTable names_;
  FunctionTable table_;
  Builder builder_;
  TypeEncoder types_;
  Functions functions_;
  Variables variables_;
  Interner interner_;
  dwarf::Relocations::OrderCheck order_;
  TypePlan plan_;
  std::vector<Kfunc> kfuncs_;
  Encoded encoded_;
};

void Run::MarkKfuncs() {
  kfuncs_ = FindKfuncs(object_);
  if (!options_.features.decl_tag_kfuncs) return;
  for (const Kfunc& kfunc : kfuncs_) {
    const uint32_t entry = table_.FindExactly(kfunc.name);
    if (entry == FunctionTable::kNotFound) continue;
    table_[entry].is_kfunc = true;
    table_[entry].kfunc_flags = kfunc.flags;
  }
}

// Makes BTF of one graph. `units` are those that it is of.
absl::Status Run::EncodeGraph(const std::vector<dwarf::Unit>& units,
                              bool make_all, UnitGraph* graph) {
  FinishNames(/*leave_members=*/!make_all, graph, &names_);
  RETURN_IF_ERROR(names_.status());
  functions_.Resolve(units, graph);
  encoded_.types_met += graph->types.size() - 1;
  if (make_all) {
    types_.PlanAll(*graph, &plan_);
  } else {
    RETURN_IF_ERROR(interner_.Plan(builder_.next_id(), graph, &plan_));
    RETURN_IF_ERROR(names_.status());
  }
  RETURN_IF_ERROR(types_.Encode(*graph, plan_));
  functions_.Save(*graph, plan_);
  RETURN_IF_ERROR(variables_.MakeVars(*graph, plan_, &encoded_.messages));
  RETURN_IF_ERROR(work_.Check());
  return builder_.CheckSize();
}

// Whether units may refer to each other, as they do after a link-time
// optimization. The kernel says so itself; else an abbreviation tells.
absl::StatusOr<bool> Run::IsMerged(const std::vector<dwarf::Unit>& units) {
  if (options_.features.force_cu_merging) return true;
  for (const dwarf::ObjectSection& section : object_.sections()) {
    if (section.type != SHT_NOTE) continue;
    dwarf::Reader reader(section.content, object_.big_endian());
    while (reader.left() != 0 && !reader.failed()) {
      const uint32_t name_size = reader.U32();
      const uint32_t size = reader.U32();
      const uint32_t type = reader.U32();
      const absl::string_view name = reader.Bytes(name_size);
      reader.Skip((4 - name_size % 4) % 4);
      const absl::string_view descriptor = reader.Bytes(size);
      if (reader.failed()) break;
      if (size % 4 != 0)
        reader.Skip(std::min<uint64_t>(4 - size % 4, reader.left()));
      if (type == kLtoNote && name == absl::string_view("Linux\0", 6) &&
          size >= 4) {
        return dwarf::Reader(descriptor, object_.big_endian()).U32() != 0;
      }
    }
  }
  dwarf::AbbrevTable abbrevs;
  for (const dwarf::Unit& unit : units) {
    RETURN_IF_ERROR(abbrevs.Load(object_, unit));
    if (abbrevs.refers_across_units()) return true;
  }
  return false;
}

absl::Status Run::ReadUnits() {
  if (object_.types.present() && !object_.types.content.empty()) {
    return absl::UnimplementedError(
        ".debug_types at offset 0: type units are not read");
  }
  ASSIGN_OR_RETURN(std::vector<dwarf::Unit> units,
                   ReadUnitHeaders(object_, options_.done_with));
  ASSIGN_OR_RETURN(const bool merged, IsMerged(units));
  if (merged) return ReadMerged(std::move(units));
  encoded_.interned = !options_.make_all;
  UnitReader reader(object_, rules_, options_.features,
                    options_.excluded_languages, std::move(units),
                    options_.threads);
  // Finding the relocations of the headers has mapped many pages of the tables.
  // Those of a small file are needed again at once.
  if (object_.info.content.size() >= kGiveBackEvery) {
    GiveBackTables();
    // The symbols were taken out of it.
    for (const dwarf::ObjectSection& section : object_.sections()) {
      if (section.type == SHT_SYMTAB) GiveBack(section.content);
    }
  }
  uint64_t read = 0;
  uint64_t given_back = 0;
  for (;;) {
    ASSIGN_OR_RETURN(LoadedUnit* const loaded, reader.Next());
    if (loaded == nullptr) return absl::OkStatus();
    if (!loaded->present) continue;
    ++encoded_.units;
    RETURN_IF_ERROR(
        EncodeGraph({loaded->unit}, options_.make_all, &loaded->graph));
    read = loaded->unit.end;
    if (uncertain() || !order_.UpTo(read)) return absl::OkStatus();
    if (read - given_back < kGiveBackEvery) continue;
    GiveBack(object_.info.content.substr(given_back, read - given_back));
    GiveBackTables();
    given_back = read;
  }
}

// All units as one. The first one's compiler is taken for all, even if the unit
// itself is left out. Types are not interned: copies within one unit are
// compared by other rules than those of several.
absl::Status Run::ReadMerged(std::vector<dwarf::Unit> units) {
  UnitGraph graph;
  graph.Clear();
  Loader loader(object_, rules_, options_.features);
  dwarf::AbbrevTable abbrevs;
  std::vector<dwarf::Unit> taken;
  std::optional<bool> is_clang;
  for (dwarf::Unit& unit : units) {
    ASSIGN_OR_RETURN(const bool open, OpenUnit(object_, &abbrevs, &unit));
    if (!open) continue;
    if (!is_clang.has_value()) is_clang = unit.is_clang;
    if (IsExcluded(unit.language)) continue;
    unit.is_clang = *is_clang;
    taken.push_back(unit);
    RETURN_IF_ERROR(loader.Load(unit, abbrevs, &graph));
  }
  encoded_.units = taken.size();
  if (taken.empty()) return absl::OkStatus();
  loader.Resolve(&graph);
  return EncodeGraph(taken, /*make_all=*/true, &graph);
}

void Run::FindMissingKfuncs() {
  if (kfuncs_.empty()) return;
  absl::flat_hash_set<absl::string_view> made;
  for (BtfId id = 1; id < builder_.next_id(); ++id) {
    const btf::TypeRecord& record = builder_.record(id);
    if (record.kind() == btf::Kind::kFunc) {
      made.insert(builder_.text(record.name_off));
    }
  }
  for (const Kfunc& kfunc : kfuncs_) {
    if (!made.insert(kfunc.name).second) continue;
    MissingKfunc missing;
    missing.name = std::string(kfunc.name);
    missing.reason = "no function of that name in DWARF and symbols";
    for (const SkippedFunction& skipped : functions_.skipped()) {
      if (skipped.name == kfunc.name) {
        missing.reason = std::string(SkipReasonText(skipped.reason));
      }
    }
    encoded_.missing_kfuncs.push_back(std::move(missing));
  }
}

absl::StatusOr<Encoded> Run::Encode() {
  if (!object_.has_dwarf()) return absl::NotFoundError("there is no DWARF");
  if (!object_.has_symbols() && !rules_.functions_at_once) {
    return absl::NotFoundError("there is no .symtab");
  }
  if (options_.features.true_signature) {
    return absl::UnimplementedError("the feature true_signature");
  }
  MarkKfuncs();
  interner_.SetBaseNames(options_.base, &names_);
  RETURN_IF_ERROR(ReadUnits());
  if (uncertain()) return std::move(encoded_);
  if (encoded_.units == 0) return std::move(encoded_);
  RETURN_IF_ERROR(functions_.Make());
  RETURN_IF_ERROR(work_.Check());
  variables_.MakeSections();
  RETURN_IF_ERROR(builder_.CheckSize());
  encoded_.skipped = functions_.skipped();
  FindMissingKfuncs();
  encoded_.types_made = builder_.next_id() - 1;
  if (encoded_.types_made == 0) return std::move(encoded_);
  encoded_.interner = interner_.stats();
  encoded_.forwards = interner_.Forwards();
  encoded_.btf = builder_.Serialize(object_.big_endian());
  return std::move(encoded_);
}

}  // namespace

absl::StatusOr<Encoded> Encode(const dwarf::Object& object,
                               const EncodeOptions& options) {
  Run run(object, options);
  absl::StatusOr<Encoded> encoded = run.Encode();
  if (!run.in_order()) {
    ASSIGN_OR_RETURN(const auto in_order, dwarf::Object::Open(object.file()));
    return Encode(*in_order, options);
  }
  if (!encoded.ok() || !run.uncertain()) return encoded;
  EncodeOptions all = options;
  all.make_all = true;
  return Run(object, all).Encode();
}

}  // namespace btfd::encode
