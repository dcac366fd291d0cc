// SPDX-License-Identifier: Apache-2.0
//
// The run: units in the order of the file, then functions, then sections.
#include "lib/encode/encoder.h"

#include <elf.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/encode/builder.h"
#include "lib/encode/function_table.h"
#include "lib/encode/interner.h"
#include "lib/encode/loader.h"
#include "lib/encode/names.h"
#include "lib/encode/types.h"
#include "lib/encode/unit_graph.h"
#include "lib/encode/variables.h"
#include "lib/util/status_macros.h"

namespace btfd::encode {

namespace {

constexpr size_t kMostWatched = 256;

class Run {
 public:
  Run(const dwarf::Object& object, const EncodeOptions& options)
      : object_(object),
        options_(options),
        rules_(RulesOf(options.version)),
        names_(object),
        table_(object, rules_, options.features, &names_),
        builder_(&names_),
        loader_(object, rules_, options.features, &names_),
        types_(rules_, options.features, &names_, &builder_),
        functions_(object, rules_, options.features, &names_, &table_,
                   &builder_),
        variables_(object, rules_, options.features, &names_, &builder_),
        interner_(rules_) {}

  // Nothing where names of `again` must be watched from the start.
  absl::StatusOr<Encoded> Encode(std::vector<std::string>* again);

 private:
  absl::Status ReadUnits();
  absl::Status EncodeUnit(const dwarf::Unit& unit);
  void MarkKfuncs();
  void FindMissingKfuncs();
  bool IsExcluded(uint16_t language) const {
    return std::find(options_.excluded_languages.begin(),
                     options_.excluded_languages.end(),
                     language) != options_.excluded_languages.end();
  }

  const dwarf::Object& object_;
  const EncodeOptions& options_;
  const Rules& rules_;
  NameTable names_;
  FunctionTable table_;
  Builder builder_;
  Loader loader_;
  TypeEncoder types_;
  Functions functions_;
  Variables variables_;
  Interner interner_;
  dwarf::AbbrevTable abbrevs_;
  UnitGraph graph_;
  TypePlan plan_;
  std::vector<Kfunc> kfuncs_;
  bool any_unit_ = false;
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

absl::Status Run::EncodeUnit(const dwarf::Unit& unit) {
  graph_.Clear();
  graph_.origin = unit.offset;
  RETURN_IF_ERROR(loader_.Load(unit, abbrevs_, &graph_));
  loader_.Resolve(&graph_);
  functions_.Resolve(unit, &graph_);
  encoded_.types_met += graph_.types.size() - 1;
  if (options_.make_all) {
    types_.PlanAll(graph_, &plan_);
  } else {
    RETURN_IF_ERROR(interner_.Plan(graph_, builder_.next_id(), &plan_));
  }
  RETURN_IF_ERROR(types_.Encode(graph_, plan_));
  functions_.Save(graph_, plan_);
  RETURN_IF_ERROR(variables_.MakeVars(graph_, plan_, &encoded_.messages));
  return builder_.CheckSize();
}

absl::Status Run::ReadUnits() {
  if (object_.types.present() && !object_.types.content.empty()) {
    return absl::UnimplementedError(
        ".debug_types at offset 0: type units are not read");
  }
  uint64_t next = 0;
  const uint64_t size = object_.info.content.size();
  uint64_t released = 0;
  while (next < size) {
    ASSIGN_OR_RETURN(dwarf::Unit unit,
                     dwarf::ReadUnitHeader(object_, object_.info, next, &next));
    if (unit.type == dwarf::kUtType || unit.type == dwarf::kUtSplitType) {
      return absl::UnimplementedError(absl::StrFormat(
          ".debug_info at offset %#x: a type unit", unit.offset));
    }
    RETURN_IF_ERROR(abbrevs_.Load(object_, unit));
    dwarf::Die die;
    for (int round = 0; round < 2; ++round) {
      // The unit's DIE says where its texts and addresses are, maybe behind
      // what needs them: it is read twice.
      dwarf::DieCursor cursor(object_, unit, abbrevs_);
      if (!cursor.Next(&die)) {
        RETURN_IF_ERROR(cursor.status());
        break;
      }
      dwarf::ReadUnitDie(object_, die, &unit);
      if (!die.has(dwarf::kStrOffsetsBase)) break;
    }
    if (die.abbrev == nullptr) continue;
    if (die.tag() == dwarf::kTagPartialUnit ||
        die.tag() == dwarf::kTagSkeletonUnit ||
        unit.type == dwarf::kUtPartial || unit.type == dwarf::kUtSkeleton ||
        unit.type == dwarf::kUtSplitCompile) {
      return absl::UnimplementedError(
          absl::StrFormat(".debug_info at offset %#x: a partial unit (dwz) or "
                          "a skeleton unit (split DWARF)",
                          unit.offset));
    }
    if (abbrevs_.refers_across_units()) {
      return absl::UnimplementedError(absl::StrFormat(
          ".debug_info at offset %#x: the unit refers to others (LTO)",
          unit.offset));
    }
    if (IsExcluded(unit.language)) continue;
    any_unit_ = true;
    ++encoded_.units;
    RETURN_IF_ERROR(EncodeUnit(unit));
    if (options_.done_with) {
      options_.done_with(
          object_.info.content.substr(released, unit.end - released));
      released = unit.end;
    }
  }
  return absl::OkStatus();
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

absl::StatusOr<Encoded> Run::Encode(std::vector<std::string>* again) {
  if (!object_.has_dwarf()) return absl::NotFoundError("there is no DWARF");
  if (!object_.has_symbols() && !rules_.functions_at_once) {
    return absl::NotFoundError("there is no .symtab");
  }
  if (options_.features.true_signature) {
    return absl::UnimplementedError("the feature true_signature");
  }
  if (options_.features.force_cu_merging) {
    return absl::UnimplementedError("the feature force_cu_merging");
  }
  MarkKfuncs();
  for (const std::string& name : options_.watched) {
    interner_.WatchName(names_.InternCopy(name));
  }
  RETURN_IF_ERROR(ReadUnits());
  interner_.FindUncertain(options_.uncertain_names, names_);
  for (const NameId name : interner_.again()) {
    again->emplace_back(names_.text(name));
  }
  if (!again->empty()) return std::move(encoded_);
  if (!any_unit_) return std::move(encoded_);
  RETURN_IF_ERROR(functions_.Make());
  variables_.MakeSections();
  RETURN_IF_ERROR(builder_.CheckSize());
  encoded_.skipped = functions_.skipped();
  FindMissingKfuncs();
  encoded_.types_made = builder_.next_id() - 1;
  encoded_.interned = interner_.stats();
  for (const ForwardPair& pair : interner_.Pairs()) {
    encoded_.pairs.push_back(pair.forward);
  }
  encoded_.btf = builder_.Serialize(object_.big_endian());
  return std::move(encoded_);
}

}  // namespace

absl::StatusOr<Encoded> Encode(const dwarf::Object& object,
                               const EncodeOptions& options) {
  EncodeOptions watching = options;
  for (;;) {
    std::vector<std::string> again;
    ASSIGN_OR_RETURN(Encoded encoded, Run(object, watching).Encode(&again));
    if (again.empty()) return encoded;
    // Each round watches more names; should that not end soon, all is made.
    watching.make_all = watching.watched.size() > kMostWatched;
    watching.watched.insert(watching.watched.end(), again.begin(), again.end());
  }
}

}  // namespace btfd::encode
