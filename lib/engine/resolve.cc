// SPDX-License-Identifier: Apache-2.0
//
// Upstream walks all types by ascending id, and looks each one's name up among
// the wanted names, as long as it still has symbols of that kind to resolve.
// The base's part of that walk is replayed from its index: the ids that have a
// wanted name, merged by id, are the only ones where something can happen.
#include "lib/engine/resolve.h"

#include <algorithm>
#include <memory_resource>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"

namespace btfd::engine {

namespace {

class Resolver {
 public:
  Resolver(BtfIds* ids, std::vector<std::string>* warnings)
      : ids_(ids), warnings_(warnings) {
    for (int kind = 0; kind < kIdKinds; ++kind) {
      left_[kind] = ids->symbol_count(static_cast<IdKind>(kind));
    }
    left_[static_cast<int>(IdKind::kSet)] = 0;
  }

  // Whether types of that kind still matter. It counts symbols, but a name is
  // resolved once: so it stays true if a name has two symbols.
  bool wants(IdKind kind) const { return left_[static_cast<int>(kind)] != 0; }
  bool done() const {
    return std::all_of(std::begin(left_), std::end(left_),
                       [](uint32_t left) { return left == 0; });
  }

  void Visit(btf::TypeId id, btf::Kind kind, const char* name) {
    const std::optional<IdKind> id_kind = IdKindOf(kind);
    if (!id_kind.has_value() || !wants(*id_kind)) return;
    IdName* wanted = ids_->Find(*id_kind, name);
    if (wanted != nullptr) Hit(id, wanted);
  }

  void Hit(btf::TypeId id, IdName* wanted) {
    uint32_t& left = left_[static_cast<int>(wanted->kind)];
    if (left == 0) return;
    if (wanted->id == 0) {
      wanted->id = id;
      --left;
      return;
    }
    warnings_->push_back(absl::StrCat("WARN: multiple IDs found for '",
                                      wanted->name, "': ", wanted->id, ", ", id,
                                      " - using ", wanted->id));
  }

 private:
  BtfIds* const ids_;
  std::vector<std::string>* const warnings_;
  uint32_t left_[kIdKinds];
};

btf::Kind BtfKindOf(IdKind kind) {
  switch (kind) {
    case IdKind::kStruct:
      return btf::Kind::kStruct;
    case IdKind::kUnion:
      return btf::Kind::kUnion;
    case IdKind::kTypedef:
      return btf::Kind::kTypedef;
    default:
      return btf::Kind::kFunc;
  }
}

void ResolveInBase(const btf::Base& base, BtfIds* ids,
                   std::pmr::memory_resource* memory, Resolver* resolver) {
  struct HitInBase {
    btf::TypeId id;
    IdName* name;
  };
  std::pmr::vector<HitInBase> hits(memory);
  for (IdName* name : ids->names()) {
    if (name->kind == IdKind::kSet) continue;
    const btf::Kind kind = BtfKindOf(name->kind);
    if (!name->name.empty()) {
      for (btf::TypeId id : base.FindByName(kind, name->name)) {
        hits.push_back({id, name});
      }
      continue;
    }
    // A symbol without a name finds the first anonymous type of its kind. The
    // index does not list those; no kernel has such a symbol.
    for (btf::TypeId id = 1; id < base.end_id(); ++id) {
      const btf::TypeRecord& type = base.type(id);
      if (type.kind() == kind && *base.string(type.name_off) == '\0') {
        hits.push_back({id, name});
      }
    }
  }
  std::sort(hits.begin(), hits.end(),
            [](const HitInBase& a, const HitInBase& b) { return a.id < b.id; });
  for (const HitInBase& hit : hits) resolver->Hit(hit.id, hit.name);
}

}  // namespace

void ResolveNames(const btf::Btf& btf, BtfIds* ids,
                  std::vector<std::string>* warnings) {
  Resolver resolver(ids, warnings);
  if (resolver.done()) return;
  btf::TypeId id = 1;
  if (btf.base() != nullptr) {
    ResolveInBase(*btf.base(), ids, btf.memory(), &resolver);
    id = btf.first_id();
  }
  for (; id < btf.end_id() && !resolver.done(); ++id) {
    const btf::TypeRecord& type = btf.type(id);
    resolver.Visit(id, type.kind(), btf.string(type.name_off));
  }
}

}  // namespace btfd::engine
