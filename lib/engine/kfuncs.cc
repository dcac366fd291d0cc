// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/kfuncs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/btf/base.h"
#include "lib/util/probe_map.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// An entry of a set costs a search and, at worst, a warning.
constexpr uint64_t kEntrySteps = 128;

absl::Status CutShort(const IdName& set, uint64_t offset, uint64_t size) {
  return absl::InvalidArgumentError(absl::StrCat(
      ".BTF_ids: set8 ", set.name, " at offset ", static_cast<int64_t>(offset),
      " does not fit the section of ", size, " bytes"));
}

// The flags that the first set with one of the function's places gives it. A
// place counts as inside of a set from just behind the set's first byte up to
// its last entry, whatever it points at there.
absl::Status FindFlags(const BtfIds& ids, const IdName& func, Kfunc* kfunc) {
  for (const IdName* set : ids.sets()) {
    if (!set->set8) continue;
    const uint64_t begin = ids.place(*set, 0);
    const uint64_t last = begin + uint64_t{set->count} * 8;
    RETURN_IF_ERROR(ids.Spend(func.place_count));
    for (uint32_t i = 0; i < func.place_count; ++i) {
      const uint64_t place = ids.place(func, i);
      if (place <= begin || place > last) continue;
      const uint64_t flags = (place & ~uint64_t{3}) + 4;
      if (!ids.InBounds(flags, 4)) return CutShort(*set, begin, ids.size());
      kfunc->flags = ids.word(flags);
      kfunc->finalized = set->followed;
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

// Collects kfuncs by id, and sees to it that their flags agree.
class KfuncCollector {
 public:
  explicit KfuncCollector(std::pmr::memory_resource* memory)
      : kfuncs_(memory), numbers_(memory, 64) {}

  absl::Status Add(const Kfunc& kfunc) {
    uint32_t& number = numbers_[kfunc.id + 1];
    if (number == 0) {
      kfuncs_.push_back(kfunc);
      number = static_cast<uint32_t>(kfuncs_.size());
      return absl::OkStatus();
    }
    const Kfunc& first = kfuncs_[number - 1];
    if (first.flags == kfunc.flags) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrFormat(
        "ERROR: resolve_btfids: kfunc %s has inconsistent flags across BTF ID "
        "sets: 0x%x != 0x%x",
        kfunc.name, first.flags, kfunc.flags));
  }

  std::pmr::vector<Kfunc> TakeAscending() {
    std::sort(kfuncs_.begin(), kfuncs_.end(),
              [](const Kfunc& a, const Kfunc& b) { return a.id < b.id; });
    return std::move(kfuncs_);
  }

 private:
  std::pmr::vector<Kfunc> kfuncs_;
  util::ProbeMap<uint32_t, uint32_t> numbers_;  // id + 1 -> number, from 1
};

}  // namespace

void OwnFuncs::Index() {
  indexed_ = true;
  strings_.assign(btf_.own_strings().data(), btf_.own_strings().size());
  const uint32_t parent_len = btf_.parent().str_len;
  for (TypeId id = btf_.first_id(); id < btf_.end_id(); ++id) {
    const TypeRecord& type = btf_.own_type(id);
    if (type.kind() != Kind::kFunc) continue;
    const uint32_t at = type.name_off;
    table_.Insert(
        at < parent_len ? btf_.string(at) : strings_.data() + (at - parent_len),
        id);
  }
}

TypeId OwnFuncs::Find(absl::string_view name) {
  if (!indexed_) Index();
  const uint32_t* id = table_.Find(name);
  return id == nullptr ? 0 : *id;
}

void OwnFuncs::Add(absl::string_view name, TypeId id) {
  if (!indexed_) return;  // Index() will see it
  added_.emplace_back(name.data(), name.size());
  table_.Insert(added_.back(), id);
}

absl::StatusOr<std::pmr::vector<Kfunc>> KfuncsByDeclTags(
    const Btf& btf, BtfIds* ids, const std::pmr::vector<TypeId>& decl_tags) {
  std::pmr::vector<Kfunc> kfuncs(btf.memory());
  for (TypeId tag_id : decl_tags) {
    const TypeRecord& tag = btf.type(tag_id);
    const auto component = static_cast<int32_t>(tag.tail()[0]);
    if (tag.kflag() || component != -1) continue;
    if (btf.string(tag.name_off) != kKfuncTag) continue;
    const TypeId func_id = tag.size_or_type;
    if (btf.type(func_id).kind() != Kind::kFunc) continue;
    const IdName* func = ids->Find(IdKind::kFunc, btf.name(func_id));
    if (func == nullptr) continue;
    Kfunc kfunc{func->name, func_id, 0, false};
    RETURN_IF_ERROR(FindFlags(*ids, *func, &kfunc));
    kfuncs.push_back(kfunc);
  }
  return kfuncs;
}

absl::StatusOr<std::pmr::vector<Kfunc>> KfuncsBySet8(
    const Btf& btf, BtfIds* ids, OwnFuncs* own_funcs,
    std::vector<std::string>* warnings) {
  KfuncCollector collector(btf.memory());
  for (const IdName* set : ids->names()) {
    if (set->kind != IdKind::kSet || !set->set8 || ids->size() == 0) continue;
    const uint64_t begin = ids->place(*set, 0);
    if (!ids->InBounds(begin, 8 + 8 * uint64_t{set->count})) {
      return CutShort(*set, begin, ids->size());
    }
    if ((ids->word(begin + 4) & kSet8Kfuncs) == 0) continue;
    RETURN_IF_ERROR(ids->Spend(kEntrySteps * uint64_t{set->count}));
    for (uint32_t i = 0; i < set->count; ++i) {
      const uint64_t entry = begin + 8 + 8 * uint64_t{i};
      const IdName* symbol = ids->NameAt(entry);
      if (symbol == nullptr) {
        warnings->push_back(
            absl::StrCat("WARN: resolve_btfids: no BTF ID symbol for ",
                         set->name, " entry ", i));
        continue;
      }
      const TypeId id = own_funcs->Find(symbol->name);
      // libbpf finds void under its name, whatever the kind.
      if (id == 0 && symbol->name != "void") {
        warnings->push_back(
            absl::StrCat("WARN: resolve_btfids: no BTF func for kfunc ",
                         symbol->name, " in ", set->name));
        continue;
      }
      const TypeId found = symbol->name == "void" ? 0 : id;
      RETURN_IF_ERROR(collector.Add(
          {symbol->name, found, ids->word(entry + 4), set->followed}));
    }
  }
  return collector.TakeAscending();
}

}  // namespace btfd::engine
