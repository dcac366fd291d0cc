// SPDX-License-Identifier: Apache-2.0
//
// Upstream walks the real base and looks each type up in the distilled one.
// This walks the distilled base, and takes each type's candidates from the real
// base's index, ascending: the same pairs in the same order for any one
// distilled type, and no verdict depends on the order between them.
#include "lib/engine/relocate.h"

#include <memory_resource>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

using btf::Base;
using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// Upstream keeps sizes that it compares in 31 bits.
constexpr uint32_t kSizeMask = 0x7fffffff;
// INT's first trailing word: the encoding's bits.
constexpr uint32_t kIntEncoding = 0x0f000000;

// Whether a candidate of the same name has to be of the same size as well.
bool NeedsSize(const Base& base, TypeId id) {
  const Kind kind = base.type(id).kind();
  if (btf::IsComposite(kind)) return base.SharesCompositeName(id);
  return kind != Kind::kFwd;
}

// Whether the kinds go together. A distilled STRUCT or UNION takes any kind;
// and for a distilled FWD it is the candidate's flag for bitfields that has to
// look like the FWD's flag for unions.
bool KindsMatch(const TypeRecord& distilled, const TypeRecord& candidate) {
  const Kind kind = candidate.kind();
  switch (distilled.kind()) {
    case Kind::kInt:
      return kind == Kind::kInt &&
             ((distilled.tail()[0] ^ candidate.tail()[0]) & kIntEncoding) == 0;
    case Kind::kFloat:
      return kind == Kind::kFloat;
    case Kind::kEnum:
      return kind == Kind::kEnum || kind == Kind::kEnum64;
    case Kind::kFwd:
      if (kind == Kind::kFwd) return distilled.kflag() == candidate.kflag();
      if (kind == Kind::kStruct) return !candidate.kflag();
      return kind == Kind::kUnion && candidate.kflag();
    default:
      return true;
  }
}

class Relocator {
 public:
  Relocator(Btf* split, const Base& base, util::WorkBudget* work)
      : split_(*split),
        base_(base),
        work_(work),
        distilled_(split->parent()),
        new_ids_(distilled_.end, 0, split->memory()),
        embedded_(distilled_.end, false, split->memory()),
        walked_in_(split->own_count(), 0, split->memory()),
        new_strings_(distilled_.str_len, NewString{}, split->memory()) {}

  absl::Status Run() {
    RETURN_IF_ERROR(CheckDistilled());
    RETURN_IF_ERROR(MarkEmbedded());
    RETURN_IF_ERROR(CheckEmptyNames());
    for (TypeId id = 1; id < distilled_.end; ++id) RETURN_IF_ERROR(Match(id));
    RETURN_IF_ERROR(Rewrite());
    split_.SetBase(&base_);
    return absl::OkStatus();
  }

 private:
  struct NewString {
    TypeId from = 0;  // the base's type whose name it is
    uint32_t offset = 0;
  };

  static absl::Status Defect(TypeId id, absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(".BTF.base: type ", id, " ", what));
  }
  const char* DistilledName(TypeId id) const {
    return distilled_.string(distilled_.type(id).name_off);
  }

  absl::Status CheckDistilled() const {
    for (TypeId id = 1; id < distilled_.end; ++id) {
      const TypeRecord& type = distilled_.type(id);
      switch (type.kind()) {
        case Kind::kInt:
        case Kind::kFloat:
        case Kind::kEnum:
        case Kind::kStruct:
        case Kind::kUnion:
        case Kind::kFwd:
          break;
        default:
          return Defect(id, absl::StrCat("is of kind ", type.kind_number(),
                                         ", which a distilled base cannot "
                                         "have"));
      }
      if (type.name_off == 0) return Defect(id, "has no name");
    }
    return absl::OkStatus();
  }

  // A distilled struct or union that lies in a member, not behind a pointer,
  // must keep its size.
  absl::Status MarkEmbedded() {
    for (TypeId id = split_.first_id(); id < split_.end_id(); ++id) {
      const TypeRecord& type = split_.own_type(id);
      if (!btf::IsComposite(type.kind())) continue;
      for (const btf::Member& member : type.members()) {
        RETURN_IF_ERROR(MarkEmbeddedIn(id, member.type));
      }
    }
    return absl::OkStatus();
  }

  // Follows modifiers, arrays and typedefs; up to where an earlier walk came
  // by.
  absl::Status MarkEmbeddedIn(TypeId composite, TypeId id) {
    ++walk_;
    while (id != 0) {
      if (split_.is_own(id)) {
        uint32_t& walked_in = walked_in_[id - split_.first_id()];
        if (walked_in == walk_) {
          return absl::InvalidArgumentError(
              absl::StrCat(".BTF: a member of type ", composite,
                           " is a cycle of modifiers, arrays and typedefs"));
        }
        if (walked_in != 0) return absl::OkStatus();
        walked_in = walk_;
      }
      const TypeRecord& type = split_.type(id);
      switch (type.kind()) {
        case Kind::kConst:
        case Kind::kRestrict:
        case Kind::kVolatile:
        case Kind::kTypedef:
        case Kind::kTypeTag:
          id = type.size_or_type;
          break;
        case Kind::kArray:
          id = type.array().element;
          break;
        default:
          if (btf::IsComposite(type.kind()) && id < distilled_.end) {
            embedded_[id] = true;
          }
          return absl::OkStatus();
      }
    }
    return absl::OkStatus();
  }

  // Upstream's table of distilled names has an entry for void, whose name and
  // size are empty, and which nothing may match.
  absl::Status CheckEmptyNames() const {
    for (TypeId id : base_.FindRelocatable("")) {
      if (!NeedsSize(base_, id) ||
          (base_.type(id).size_or_type & kSizeMask) == 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("base: type ", id,
                         " has an empty name, and cannot be relocated to"));
      }
    }
    return absl::OkStatus();
  }

  // For people: what is wrong with the first candidate.
  std::string WhyUnmatched(TypeId id) const {
    const TypeRecord& distilled = distilled_.type(id);
    const auto candidates = base_.FindRelocatable(DistilledName(id));
    if (candidates.empty()) return "no type there has that name";
    const TypeRecord& candidate = base_.type(candidates[0]);
    if (!KindsMatch(distilled, candidate)) {
      return absl::StrCat("type ", candidates[0], " there is of another kind");
    }
    return absl::StrCat("type ", candidates[0], " there has ",
                        candidate.size_or_type, " bytes instead of ",
                        distilled.size_or_type);
  }

  absl::Status Match(TypeId id) {
    const TypeRecord& distilled = distilled_.type(id);
    const auto candidates = base_.FindRelocatable(DistilledName(id));
    if (work_ != nullptr) {
      work_->Spend(4 * candidates.size());
      RETURN_IF_ERROR(work_->Check());
    }
    for (TypeId candidate_id : candidates) {
      const TypeRecord& candidate = base_.type(candidate_id);
      if (NeedsSize(base_, candidate_id) &&
          ((candidate.size_or_type ^ distilled.size_or_type) & kSizeMask) !=
              0) {
        continue;
      }
      if (!KindsMatch(distilled, candidate)) continue;
      // Once matched, upstream no longer knows that it was embedded.
      if (btf::IsComposite(distilled.kind()) && embedded_[id] &&
          new_ids_[id] == 0 &&
          candidate.size_or_type != distilled.size_or_type) {
        continue;
      }
      if (new_ids_[id] != 0) {
        return Defect(id, absl::StrCat("(", DistilledName(id),
                                       ") matches the types ", new_ids_[id],
                                       " and ", candidate_id, " of the base"));
      }
      new_ids_[id] = candidate_id;
      NewString& string = new_strings_[distilled.name_off];
      if (candidate_id > string.from) {
        string = {candidate_id, candidate.name_off};
      }
    }
    if (new_ids_[id] == 0) {
      return Defect(
          id, absl::StrCat("(", DistilledName(id),
                           ") has no match in the base: ", WhyUnmatched(id)));
    }
    return absl::OkStatus();
  }

  absl::Status Rewrite() {
    const uint32_t id_shift = base_.end_id() - distilled_.end;
    const uint32_t string_shift = base_.str_len() - distilled_.str_len;
    for (TypeId id = split_.first_id(); id < split_.end_id(); ++id) {
      TypeRecord& type = split_.mutable_own_type(id);
      btf::ForEachTypeField(type, [&](TypeId& used) {
        used = used >= distilled_.end ? used + id_shift : new_ids_[used];
      });
      bool known = true;
      btf::ForEachStringField(type, [&](uint32_t& offset) {
        if (offset == 0) return;
        if (offset >= distilled_.str_len) {
          offset += string_shift;
          return;
        }
        const NewString& string = new_strings_[offset];
        known &= string.from != 0;
        offset = string.offset;
      });
      if (!known) {
        return absl::InvalidArgumentError(
            absl::StrCat(".BTF: type ", id,
                         " uses a string of .BTF.base that is not the name of "
                         "a type there"));
      }
    }
    return absl::OkStatus();
  }

  Btf& split_;
  const Base& base_;
  util::WorkBudget* const work_;
  const btf::TypeTable distilled_;
  std::pmr::vector<TypeId> new_ids_;      // by distilled id; 0: no match yet
  std::pmr::vector<bool> embedded_;       // by distilled id
  std::pmr::vector<uint32_t> walked_in_;  // by own id; 0: not yet
  uint32_t walk_ = 0;
  std::pmr::vector<NewString> new_strings_;  // by distilled string offset
};

}  // namespace

absl::Status Relocate(Btf* split, const Base& base, util::WorkBudget* work) {
  if (split->base() == nullptr || split->base() == &base) {
    return absl::InvalidArgumentError(
        ".BTF: it has no distilled base to be relocated from");
  }
  if (split->has_dangling_ids() || split->base()->has_dangling_ids()) {
    return absl::InvalidArgumentError(
        ".BTF: a type refers to an id beyond the last type");
  }
  return Relocator(split, base, work).Run();
}

}  // namespace btfd::engine
