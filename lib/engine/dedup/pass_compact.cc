// SPDX-License-Identifier: Apache-2.0
//
// Compaction: own types that stand for themselves are kept, in their order, and
// numbered anew; every id in them is replaced by the number of what stands for
// it. One pass copies and rewrites.
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {

// Numbers the kept types; 0 where a type is not kept.
std::pmr::vector<TypeId> Number(const State& state, uint32_t* kept,
                                size_t* words) {
  const Types& types = state.types;
  std::pmr::vector<TypeId> numbers(types.own_count(), 0, state.memory);
  *kept = 0;
  *words = 0;
  for (TypeId id = types.first(); id < types.end(); ++id) {
    if (!state.IsCanonical(id)) continue;
    numbers[id - types.first()] = types.first() + (*kept)++;
    *words += types.own_words(id);
  }
  return numbers;
}

}  // namespace

absl::Status Compact(State* state, std::pmr::vector<TypeId>* new_ids) {
  const Types& types = state->types;
  uint32_t kept;
  size_t total_words;
  const std::pmr::vector<TypeId> numbers = Number(*state, &kept, &total_words);
  auto renumber = [&](TypeId id) -> TypeId {
    const TypeId root = state->Root(id);
    return types.is_own(root) ? numbers[root - types.first()] : root;
  };
  btf::Btf::Words words(total_words, state->memory);
  btf::Btf::Words offsets(kept + 1, state->memory);
  uint32_t at = 0;
  uint32_t next = 0;
  for (TypeId id = types.first(); id < types.end(); ++id) {
    if (numbers[id - types.first()] == 0) continue;
    const uint32_t length = types.own_words(id);
    std::memcpy(&words[at], &types.own(id), length * 4);
    TypeId stray = 0;
    btf::ForEachTypeField(*reinterpret_cast<TypeRecord*>(&words[at]),
                          [&](uint32_t& field) {
                            const TypeId number = renumber(field);
                            if (number == 0 && field != 0) stray = field;
                            field = number;
                          });
    if (stray != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("dedup: type ", id, " refers to type ", stray,
                       ", which nothing stands for"));
    }
    offsets[next++] = at;
    at += length;
  }
  offsets[next] = at;
  if (new_ids != nullptr) {
    new_ids->resize(types.own_count());
    for (TypeId id = types.first(); id < types.end(); ++id) {
      (*new_ids)[id - types.first()] = renumber(id);
    }
  }
  state->btf->ReplaceTypes(std::move(words), std::move(offsets));
  return absl::OkStatus();
}

}  // namespace btfd::engine::dedup
