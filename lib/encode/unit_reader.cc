// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/unit_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "lib/util/status_macros.h"

namespace btfd::encode {

namespace {

// Units that a thread may be ahead of the caller.
constexpr size_t kAhead = 4;
constexpr int kMostThreads = 64;

}  // namespace

absl::StatusOr<std::vector<dwarf::Unit>> ReadUnitHeaders(
    const dwarf::Object& object, const GiveBackFn& give_back) {
  std::vector<dwarf::Unit> units;
  uint64_t next = 0;
  uint64_t given_back = 0;
  while (next < object.info.content.size()) {
    ASSIGN_OR_RETURN(dwarf::Unit unit,
                     dwarf::ReadUnitHeader(object, object.info, next, &next));
    units.push_back(unit);
    // A look at a header maps the pages around it, which are most of them.
    if (give_back && next - given_back >= kGiveBackEvery) {
      give_back(object.info.content.substr(given_back, next - given_back));
      give_back(object.info.relocations.table());
      given_back = next;
    }
  }
  return units;
}

absl::StatusOr<bool> OpenUnit(const dwarf::Object& object,
                              dwarf::AbbrevTable* abbrevs, dwarf::Unit* unit) {
  if (unit->type == dwarf::kUtType || unit->type == dwarf::kUtSplitType) {
    return absl::UnimplementedError(absl::StrFormat(
        ".debug_info at offset %#x: a type unit", unit->offset));
  }
  RETURN_IF_ERROR(abbrevs->Load(object, *unit));
  dwarf::Die die;
  for (int round = 0; round < 2; ++round) {
    // The unit's DIE says where its texts and addresses are, maybe behind what
    // needs them: it is read twice.
    dwarf::DieCursor cursor(object, *unit, *abbrevs);
    if (!cursor.Next(&die)) {
      RETURN_IF_ERROR(cursor.status());
      return false;
    }
    dwarf::ReadUnitDie(object, die, unit);
    if (!die.has(dwarf::kStrOffsetsBase)) break;
  }
  if (die.tag() == dwarf::kTagPartialUnit ||
      die.tag() == dwarf::kTagSkeletonUnit || unit->type == dwarf::kUtPartial ||
      unit->type == dwarf::kUtSkeleton ||
      unit->type == dwarf::kUtSplitCompile) {
    return absl::UnimplementedError(absl::StrFormat(
        ".debug_info at offset %#x: a partial unit (dwz) or a skeleton unit "
        "(split DWARF)",
        unit->offset));
  }
  return true;
}

UnitReader::UnitReader(const dwarf::Object& object, const Rules& rules,
                       const Features& features,
                       const std::vector<uint16_t>& excluded_languages,
                       std::vector<dwarf::Unit> units, int threads)
    : object_(object),
      rules_(rules),
      features_(features),
      excluded_languages_(excluded_languages),
      units_(std::move(units)) {
  if (object.relocatable() || units_.size() < 2) threads = 1;
  threads = std::clamp(threads, 1, kMostThreads);
  const size_t slots = threads == 1 ? 1 : threads * kAhead;
  for (size_t i = 0; i < slots; ++i) {
    slots_.push_back(std::make_unique<Slot>());
  }
  for (int i = 1; i < threads; ++i) {
    if (!threads_.Start([this] { Work(); })) break;
  }
}

UnitReader::~UnitReader() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  threads_.Join();
}

bool UnitReader::Claim(size_t* index) {
  if (claimed_ == units_.size() || claimed_ >= given_ + slots_.size()) {
    return false;
  }
  *index = claimed_++;
  slots_[*index % slots_.size()]->ready = false;
  return true;
}

void UnitReader::Work() {
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stop_ || claimed_ == units_.size() ||
           claimed_ < given_ + slots_.size();
  };
  for (;;) {
    size_t index;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work));
      if (stop_ || !Claim(&index)) return;
    }
    Read(index);
  }
}

void UnitReader::Read(size_t index) {
  Slot& slot = *slots_[index % slots_.size()];
  LoadedUnit& loaded = slot.loaded;
  loaded.unit = units_[index];
  loaded.present = false;
  const auto load = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const bool open,
                     OpenUnit(object_, &slot.abbrevs, &loaded.unit));
    if (!open ||
        std::find(excluded_languages_.begin(), excluded_languages_.end(),
                  loaded.unit.language) != excluded_languages_.end()) {
      return absl::OkStatus();
    }
    loaded.present = true;
    loaded.graph.Clear();
    loaded.graph.origin = loaded.unit.offset;
    Loader loader(object_, rules_, features_);
    RETURN_IF_ERROR(loader.Load(loaded.unit, slot.abbrevs, &loaded.graph));
    loader.Resolve(&loaded.graph);
    return absl::OkStatus();
  };
  slot.status = load();
  absl::MutexLock lock(&mutex_);
  slot.ready = true;
}

absl::StatusOr<LoadedUnit*> UnitReader::Next() {
  const size_t index = next_++;
  if (index >= units_.size()) return nullptr;
  Slot& slot = *slots_[index % slots_.size()];
  for (;;) {
    size_t mine;
    {
      absl::MutexLock lock(&mutex_);
      given_ = index;
      // What others have begun is waited for only if there is nothing to do.
      if (claimed_ > index && slot.ready) break;
      if (!Claim(&mine)) {
        mutex_.Await(absl::Condition(&slot.ready));
        break;
      }
    }
    Read(mine);
  }
  RETURN_IF_ERROR(slot.status);
  return &slot.loaded;
}

}  // namespace btfd::encode
