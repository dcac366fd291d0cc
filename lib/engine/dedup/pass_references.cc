// SPDX-License-Identifier: Apache-2.0
//
// Types that are nothing but what they refer to: pointers, qualifiers,
// functions, prototypes, arrays, tags; typedefs, too, by the rules of old. What
// they refer to is settled first and written into them; then two of them are
// the same where their records are. Depth first with a stack of its own,
// children in libbpf's order, because the order in which types become canonical
// is the order of candidates.
#include "absl/strings/str_cat.h"
#include "lib/engine/dedup/state.h"

namespace btfd::engine::dedup {

namespace {

uint32_t ReferenceCount(const TypeRecord& type) {
  switch (type.kind()) {
    case Kind::kArray:
      return 2;
    case Kind::kFuncProto:
      return 1 + type.vlen();
    default:
      return 1;
  }
}

// The i-th reference of a record: an array's element comes before its index, a
// prototype's return type before its parameters.
uint32_t& Reference(TypeRecord& type, uint32_t i) {
  if (type.kind() == Kind::kArray) return type.tail()[i];
  if (i == 0) return type.size_or_type;
  return type.tail()[2 * i - 1];
}

class ReferencePass {
 public:
  explicit ReferencePass(State* state) : state_(state), stack_(state->memory) {}

  absl::Status Run() {
    const Types& types = state_->types;
    for (TypeId id = types.first(); id < types.end(); ++id) {
      if (state_->IsMapped(id)) continue;
      const absl::Status status = Settle(id);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  struct Frame {
    TypeId id;
    uint32_t next;  // reference to settle
  };

  void Open(TypeId id) {
    state_->Map(id, kInProgress);
    stack_.push_back({id, 0});
  }

  absl::Status Settle(TypeId start) {
    const Types& types = state_->types;
    Open(start);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      TypeRecord& type = types.own(frame.id);
      const uint32_t count = ReferenceCount(type);
      TypeId unsettled = 0;
      for (; frame.next < count; ++frame.next) {
        uint32_t& reference = Reference(type, frame.next);
        if (!state_->IsMapped(reference)) {
          unsettled = reference;
          break;
        }
        reference = state_->Root(reference);
      }
      if (unsettled != 0) {
        if (state_->map[unsettled - types.first()] == kInProgress) {
          return absl::InvalidArgumentError(absl::StrCat(
              "dedup: type ", unsettled,
              " is part of a cycle of references without a struct in it"));
        }
        Open(unsettled);
        continue;
      }
      Find(frame.id, type);
      if (state_->work->exhausted()) return state_->work->Check();
      stack_.pop_back();
    }
    return absl::OkStatus();
  }

  // Precondition: what the type refers to is settled and written into it.
  void Find(TypeId id, const TypeRecord& type) {
    const bool is_typedef = type.kind() == Kind::kTypedef;
    const TypeId hint = state_->hints[id - state_->types.first()];
    if (hint != 0 && !is_typedef && state_->index->IsOnlyCopy(hint) &&
        btf::SameRecord(type, state_->types[hint])) {
      state_->Map(id, hint);
      return;
    }
    const uint64_t key = btf::RecordKey(type);
    const Candidates& candidates = state_->candidates;
    const TypeId same = is_typedef ? candidates.FindTypedef(key, type)
                                   : candidates.FindRecord(key, type);
    if (same != 0) {
      state_->Map(id, same);
    } else {
      state_->Map(id, id);
      state_->candidates.Insert(key, id);
    }
  }

  State* state_;
  std::pmr::vector<Frame> stack_;
};

}  // namespace

absl::Status DedupReferences(State* state) {
  return ReferencePass(state).Run();
}

}  // namespace btfd::engine::dedup
