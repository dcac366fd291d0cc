// SPDX-License-Identifier: Apache-2.0
#include "lib/show/selection.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "lib/btf/kinds.h"
#include "lib/show/edit_distance.h"
#include "lib/util/status_macros.h"

namespace btfd::show {

namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// A depth-first walk with a stack of its own: chains of types may be as long as
// the input.
class NeededWalk {
 public:
  explicit NeededWalk(const Btf& btf) : btf_(btf), seen_(btf.end_id(), 0) {}

  absl::Status Add(TypeId root) {
    Visit(root, /*by_name=*/false);
    while (!stack_.empty()) {
      Turn& turn = stack_.back();
      if (turn.next < turn.end) {
        const Need need = needs_[turn.next++];
        if (need.id >= btf_.end_id()) {
          return absl::InvalidArgumentError(
              absl::StrCat("type ", turn.id, " refers to type ", need.id,
                           ", and the last one is ", btf_.end_id() - 1));
        }
        Visit(need.id, need.by_name);
        continue;
      }
      if (turn.first_time) shown_.push_back({turn.id, false});
      needs_.resize(turn.begin);
      stack_.pop_back();
    }
    return absl::OkStatus();
  }

  // What is defined after all needs no declaration.
  std::vector<ShownType> Take() {
    const auto superfluous = [this](const ShownType& shown) {
      return shown.declared_only && (seen_[shown.id] & kWhole) != 0;
    };
    shown_.erase(std::remove_if(shown_.begin(), shown_.end(), superfluous),
                 shown_.end());
    return std::move(shown_);
  }

 private:
  // How a type was reached up to now.
  static constexpr uint8_t kWhole = 1;
  static constexpr uint8_t kByName = 2;

  struct Need {
    TypeId id;
    bool by_name;
  };
  struct Turn {
    TypeId id;
    bool first_time;
    size_t begin, next, end;  // in needs_
  };

  void Visit(TypeId id, bool by_name) {
    if (id == 0) return;
    uint8_t& seen = seen_[id];
    // What was reached as a whole needs no less.
    if ((seen & kWhole) != 0 || (by_name && (seen & kByName) != 0)) return;
    const TypeRecord& type = btf_.type(id);
    const bool cut =
        by_name && btf::IsComposite(type.kind()) && type.name_off != 0;
    // A declaration does not count as the type.
    const bool first_time =
        seen == 0 || (btf::IsComposite(type.kind()) && type.name_off != 0);
    seen |= by_name ? kByName : kWhole;
    if (cut) {
      shown_.push_back({id, true});
      return;
    }
    Turn turn{id, first_time, needs_.size(), needs_.size(), 0};
    AddNeeds(type, by_name);
    turn.end = needs_.size();
    stack_.push_back(turn);
  }

  void AddNeeds(const TypeRecord& type, bool by_name) {
    // The elements of an array, as the members of a struct, have to be known
    // whatever leads to it.
    if (type.kind() == Kind::kPtr) {
      by_name = true;
    } else if (type.kind() == Kind::kArray || btf::IsComposite(type.kind())) {
      by_name = false;
    }
    // A FWD's third word is no type.
    if (type.kind() == Kind::kFwd) return;
    btf::ForEachTypeField(type, [&](TypeId id) {
      needs_.push_back({id, by_name});
    });
  }

  const Btf& btf_;
  std::vector<uint8_t> seen_;  // by id
  std::vector<Turn> stack_;
  std::vector<Need> needs_;  // of all turns, back to back
  std::vector<ShownType> shown_;
};

struct KindWord {
  absl::string_view word;
  bool (*includes)(Kind kind);
};
constexpr KindWord kKindWords[] = {
    {"struct ", [](Kind kind) { return kind == Kind::kStruct; }},
    {"union ", [](Kind kind) { return kind == Kind::kUnion; }},
    {"enum ", btf::IsAnyEnum},
    {"typedef ", [](Kind kind) { return kind == Kind::kTypedef; }},
};

constexpr size_t kMostSuggestions = 3;

// "; is one of these meant: a, b?", or nothing.
std::string Suggestions(const Btf& btf, absl::string_view name) {
  size_t limit = std::min<size_t>(3, name.size() / 3 + 1);
  std::set<std::pair<size_t, std::string>> near;
  for (TypeId id = 1; id < btf.end_id(); ++id) {
    const uint32_t name_off = btf.type(id).name_off;
    if (name_off == 0) continue;
    const char* candidate = btf.string(name_off);
    // Never past what could still be near, however long the string is.
    const size_t length = strnlen(candidate, name.size() + limit + 1);
    const size_t distance = EditDistance(name, {candidate, length}, limit);
    if (distance > limit) continue;
    near.insert({distance, std::string(candidate, length)});
    if (near.size() > kMostSuggestions) {
      near.erase(std::prev(near.end()));
      limit = near.rbegin()->first;
    }
  }
  if (near.empty()) return "";
  return absl::StrCat(
      "; similar: ",
      absl::StrJoin(near, ", ", [](std::string* out, const auto& entry) {
        out->append(entry.second);
      }));
}

}  // namespace

std::vector<ShownType> AllOwn(const Btf& btf) {
  std::vector<ShownType> shown;
  shown.reserve(btf.own_count());
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    shown.push_back({id, false});
  }
  return shown;
}

absl::StatusOr<std::vector<ShownType>> WithNeeded(
    const Btf& btf, absl::Span<const TypeId> roots) {
  NeededWalk walk(btf);
  for (const TypeId root : roots) RETURN_IF_ERROR(walk.Add(root));
  return walk.Take();
}

absl::StatusOr<std::vector<TypeId>> FindTypes(const Btf& btf,
                                              absl::string_view name) {
  absl::string_view bare = name;
  bool (*includes)(Kind kind) = [](Kind) { return true; };
  for (const KindWord& kind : kKindWords) {
    if (absl::ConsumePrefix(&bare, kind.word)) {
      includes = kind.includes;
      break;
    }
  }
  std::vector<TypeId> found;
  for (TypeId id = 1; id < btf.end_id(); ++id) {
    const TypeRecord& type = btf.type(id);
    if (type.name_off == 0 || !includes(type.kind())) continue;
    // Compares without measuring the string first.
    const char* candidate = btf.string(type.name_off);
    if (std::strncmp(candidate, bare.data(), bare.size()) == 0 &&
        candidate[bare.size()] == '\0') {
      found.push_back(id);
    }
  }
  if (!found.empty()) return found;
  return absl::NotFoundError(
      absl::StrCat("no type is called ", name, Suggestions(btf, bare)));
}

}  // namespace btfd::show
