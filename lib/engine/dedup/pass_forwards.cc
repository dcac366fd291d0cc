// SPDX-License-Identifier: Apache-2.0
//
// Forwards that no comparison resolved: where exactly one canonical struct or
// union of base and split together has the forward's name (0 is a name, too),
// and is of the declared kind, the forward stands for it. Only the names of
// forwards are looked at, so nothing is walked where there is none.
#include <algorithm>

#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {

struct Wanted {
  uint32_t name_off;
  TypeId composite;  // the only one so far, or 0
  uint32_t count;
};

bool ByName(const Wanted& wanted, uint32_t name_off) {
  return wanted.name_off < name_off;
}

}  // namespace

void ResolveForwards(State* state) {
  const Types& types = state->types;
  std::pmr::vector<Wanted> wanted(state->memory);
  for (TypeId id = types.first(); id < types.end(); ++id) {
    if (types[id].kind() == Kind::kFwd && state->IsCanonical(id)) {
      wanted.push_back({types[id].name_off, 0, 0});
    }
  }
  if (wanted.empty()) return;
  std::sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) {
    return a.name_off < b.name_off;
  });
  wanted.erase(std::unique(wanted.begin(), wanted.end(),
                           [](const auto& a, const auto& b) {
                             return a.name_off == b.name_off;
                           }),
               wanted.end());
  if (state->index != nullptr) {
    for (Wanted& name : wanted) {
      const auto* found = state->index->FindComposite(name.name_off);
      if (found == nullptr) continue;
      name.composite = found->id;
      name.count = found->id == 0 ? 2 : 1;
    }
  }
  auto find = [&](uint32_t name_off) {
    const auto it =
        std::lower_bound(wanted.begin(), wanted.end(), name_off, ByName);
    return it != wanted.end() && it->name_off == name_off ? &*it : nullptr;
  };
  for (TypeId id = types.first(); id < types.end(); ++id) {
    if (!btf::IsComposite(types[id].kind()) || !state->IsCanonical(id)) {
      continue;
    }
    Wanted* name = find(types[id].name_off);
    if (name == nullptr) continue;
    name->composite = id;
    ++name->count;
  }
  for (TypeId id = types.first(); id < types.end(); ++id) {
    const TypeRecord& forward = types[id];
    if (forward.kind() != Kind::kFwd || !state->IsCanonical(id)) continue;
    const Wanted* name = find(forward.name_off);
    if (name->count != 1) continue;
    const Kind declared = forward.kflag() ? Kind::kUnion : Kind::kStruct;
    if (types[name->composite].kind() == declared) {
      state->Map(id, name->composite);
    }
  }
}

}  // namespace btfd::engine::dedup
