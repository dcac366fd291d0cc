// SPDX-License-Identifier: Apache-2.0
//
// Types that refer to no other: INT, FLOAT and FWD are the same where their
// records are. An enum without enumerators is a forward declaration: it takes
// the first enum of its name, whatever that is; and a full enum takes over all
// empty ones of its name that come before its own equal, even the base's.
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {

void DedupRecord(State* state, TypeId id, const TypeRecord& type) {
  const uint64_t key = btf::RecordKey(type);
  const TypeId same = state->candidates.FindRecord(key, type);
  if (same != 0) {
    state->Map(id, same);
  } else {
    state->Map(id, id);
    state->candidates.Insert(key, id);
  }
}

void DedupEnum(State* state, TypeId id, const TypeRecord& type,
               std::pmr::vector<TypeId>* scratch) {
  const uint64_t key = btf::RecordKey(type);
  TypeId same = 0;
  if (type.vlen() == 0) {
    same = state->candidates.FirstEnum(type.name_off);
  } else {
    same = state->candidates.FindRecord(key, type);
    state->candidates.ListEmptyEnums(type.name_off, same, scratch);
    for (const TypeId empty : *scratch) state->Map(empty, id);
  }
  if (same != 0) {
    state->Map(id, same);
  } else {
    state->Map(id, id);
    state->candidates.InsertEnum(key, id);
  }
}

}  // namespace

absl::Status DedupPrimitives(State* state) {
  std::pmr::vector<TypeId> scratch(state->memory);
  const Types& types = state->types;
  for (TypeId id = types.first(); id < types.end(); ++id) {
    if (state->work->exhausted()) return state->work->Check();
    const TypeRecord& type = types[id];
    switch (type.kind()) {
      case Kind::kInt:
      case Kind::kFloat:
      case Kind::kFwd:
        DedupRecord(state, id, type);
        break;
      case Kind::kEnum:
      case Kind::kEnum64:
        DedupEnum(state, id, type, &scratch);
        break;
      case Kind::kVar:
      case Kind::kDatasec:
        state->Map(id, id);  // never merged
        break;
      default:
        break;
    }
  }
  return absl::OkStatus();
}

}  // namespace btfd::engine::dedup
