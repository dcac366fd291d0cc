// SPDX-License-Identifier: Apache-2.0
#include "lib/core/candidates.h"

#include <string.h>

#include <algorithm>

#include "lib/btf/string_hash.h"
#include "lib/core/compatible.h"
#include "lib/core/relocation.h"

namespace btfd::core {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

namespace {

// The kinds that Base::FindRelocatable() lists.
bool IsIndexedRelocatable(Kind kind) {
  switch (kind) {
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kEnum:
    case Kind::kEnum64:
    case Kind::kFwd:
    case Kind::kStruct:
    case Kind::kUnion:
      return true;
    default:
      return false;
  }
}

// The kinds that no compiler writes a relocation for.
bool IsRarelyAskedFor(Kind kind) {
  switch (kind) {
    case Kind::kFunc:
    case Kind::kVar:
    case Kind::kDatasec:
    case Kind::kDeclTag:
    case Kind::kTypeTag:
      return true;
    default:
      return false;
  }
}

// A coarse map of a string section: which stretches of 64 bytes have a string
// with "___" in it, so that most names are told apart by one bit.
class FlavouredStretches {
 public:
  explicit FlavouredStretches(absl::string_view strings)
      : marked_(strings.size() / kStretch + 1) {
    size_t at = 0;
    while (at < strings.size()) {
      const void* found =
          memmem(strings.data() + at, strings.size() - at, "___", 3);
      if (found == nullptr) return;
      const size_t middle = static_cast<const char*>(found) - strings.data();
      const size_t before = strings.rfind('\0', middle);
      const size_t begin = before == absl::string_view::npos ? 0 : before + 1;
      const size_t end = std::min(strings.find('\0', middle), strings.size());
      for (size_t i = begin / kStretch; i <= (end - 1) / kStretch; ++i) {
        marked_[i] = true;
      }
      any_ = true;
      at = end;
    }
  }

  bool any() const { return any_; }
  bool MayHave(uint32_t offset) const { return marked_[offset / kStretch]; }

 private:
  static constexpr size_t kStretch = 64;
  std::vector<bool> marked_;
  bool any_ = false;
};

}  // namespace

void BaseCandidates::AddIndexed(Kind kind, absl::string_view name,
                                std::vector<TypeId>* ids) const {
  if (IsIndexedRelocatable(kind)) {
    for (const TypeId id : base_.FindRelocatable(name)) {
      if (AreOfOneKind(base_.type(id).kind(), kind)) ids->push_back(id);
    }
    return;
  }
  if (kind == Kind::kTypedef || kind == Kind::kFunc) {
    const auto found = base_.FindByName(kind, name);
    ids->assign(found.begin(), found.end());
    return;
  }
  work_->Spend(base_.end_id());
  for (TypeId id = 1; id < base_.end_id(); ++id) {
    const TypeRecord& type = base_.type(id);
    if (type.kind() == kind && IsText(base_.string(type.name_off), name)) {
      ids->push_back(id);
    }
  }
}

void BaseCandidates::FindFlavours() {
  flavours_.emplace();
  const FlavouredStretches stretches({base_.table().strings, base_.str_len()});
  if (!stretches.any()) return;
  for (TypeId id = 1; id < base_.end_id(); ++id) {
    const uint32_t offset = base_.type(id).name_off;
    if (!stretches.MayHave(offset)) continue;
    const absl::string_view name = base_.string(offset);
    work_->Spend(1 + name.size() / 8);
    if (work_->exhausted()) {
      // What is there now is not all.
      flavours_.reset();
      return;
    }
    const absl::string_view essential = EssentialName(name);
    if (essential.size() != name.size()) {
      (*flavours_)[essential].push_back(id);
    }
  }
}

std::vector<TypeId> BaseCandidates::Find(Kind kind, absl::string_view name) {
  std::vector<TypeId> ids;
  if (!flavours_.has_value()) FindFlavours();
  if (!flavours_.has_value()) return ids;
  AddIndexed(kind, name, &ids);
  const auto flavoured = flavours_->find(name);
  if (flavoured != flavours_->end()) {
    for (const TypeId id : flavoured->second) {
      if (AreOfOneKind(base_.type(id).kind(), kind)) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
  }
  return ids;
}

// Of kinds that are told apart by their names in programs.
void NameIndex::Build() {
  const TypeId count = space_.end() - first_;
  size_t slots = 1;
  while (slots < count / 4) slots *= 2;
  heads_.assign(slots, 0);
  next_.reset(new TypeId[count]);
  for (TypeId id = space_.end(); id-- > first_;) {
    const TypeRecord& type = space_.type(id);
    if (type.name_off == 0 || IsRarelyAskedFor(type.kind())) continue;
    const absl::string_view name = space_.string(type.name_off);
    space_.work().Spend(1 + name.size() / 8);
    if (space_.work().exhausted()) {
      // What is there now is not all.
      heads_.clear();
      return;
    }
    TypeId& head =
        heads_[btf::HashStringSecretly(EssentialName(name)) & (slots - 1)];
    next_[id - first_] = head;
    head = id;
  }
}

std::vector<TypeId> NameIndex::Find(Kind kind, absl::string_view name) {
  std::vector<TypeId> ids;
  const auto add_if_named = [&](TypeId id) {
    const absl::string_view text = space_.name(id);
    space_.work().Spend(1 + text.size() / 8);
    if (EssentialName(text) == name) ids.push_back(id);
  };
  if (IsRarelyAskedFor(kind)) {
    for (TypeId id = first_; id < space_.end(); ++id) {
      if (space_.work().exhausted()) break;
      if (space_.type(id).kind() == kind) add_if_named(id);
    }
    return ids;
  }
  if (heads_.empty()) Build();
  if (heads_.empty()) return ids;
  const uint64_t hash = btf::HashStringSecretly(name);
  for (TypeId id = heads_[hash & (heads_.size() - 1)];
       id != 0 && !space_.work().exhausted(); id = next_[id - first_]) {
    if (AreOfOneKind(space_.type(id).kind(), kind)) add_if_named(id);
  }
  return ids;
}

}  // namespace btfd::core
