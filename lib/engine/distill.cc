// SPDX-License-Identifier: Apache-2.0
//
// 1. Copy the split's records, and put a small number in the place of each base
//    id, counting from 1 as new ones are met. The base types so numbered, and
//    those that they refer to (through all but named structs and unions), are
//    the closure.
// 2. Walk the closure by ascending id: a named type goes, without content, to
//    the new base; any other one is appended to the split, in full.
// 3. Every numbered type now has a new id: put those in the place of the
//    numbers, and shift the split's own ids.
// 4. Strings: those of the new base are in use by its types only, in their
//    order; the split's are taken over in order of first use.
#include "lib/engine/distill.h"

#include <algorithm>
#include <cstring>
#include <memory_resource>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/engine/lookup.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

bool CanBeDistilled(Kind kind) {
  switch (kind) {
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kFwd:
    case Kind::kArray:
    case Kind::kStruct:
    case Kind::kUnion:
    case Kind::kTypedef:
    case Kind::kEnum:
    case Kind::kEnum64:
    case Kind::kPtr:
    case Kind::kConst:
    case Kind::kRestrict:
    case Kind::kVolatile:
    case Kind::kFuncProto:
    case Kind::kTypeTag:
      return true;
    default:
      return false;
  }
}

bool IsComposite(Kind kind) {
  return kind == Kind::kStruct || kind == Kind::kUnion;
}

bool IsEnum(Kind kind) { return kind == Kind::kEnum || kind == Kind::kEnum64; }

// Whether a type of the closure becomes part of the new base.
bool GoesToBase(const TypeRecord& type) {
  switch (type.kind()) {
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kFwd:
      return true;
    case Kind::kStruct:
    case Kind::kUnion:
    case Kind::kEnum:
    case Kind::kEnum64:
      return type.name_off != 0;
    default:
      return false;
  }
}

// The strings of the new base and, behind them, of the new split: one offset
// for each text, given out in order of first use.
class NewStrings {
 public:
  NewStrings(const Btf& source, std::pmr::memory_resource* memory)
      : source_(source),
        texts_(memory, 64 + source.own_count() / 2),
        own_(source.own_strings().size(), 0, memory),
        base_numbers_(memory),
        base_(1, 0, memory),
        section_(memory) {}

  // Ends the section under construction, and counts on behind it.
  std::pmr::string TakeSection() {
    start_ += static_cast<uint32_t>(section_.size());
    return std::exchange(section_, std::pmr::string(section_.get_allocator()));
  }
  void StartWithEmptyString() { section_.push_back('\0'); }

  // The new offset of the text at an old one.
  uint32_t Map(uint32_t offset) {
    if (offset == 0) return 0;
    const uint32_t base_len = source_.parent().str_len;
    uint32_t* known;
    if (offset >= base_len) {
      known = &own_[offset - base_len];
    } else {
      const auto [number, is_new] = base_numbers_.Insert(offset);
      if (is_new) base_.push_back(0);
      known = &base_[number];
    }
    // An empty text is looked at each time; there are hardly any.
    if (*known == 0) *known = Add(source_.string(offset));
    return *known;
  }

 private:
  uint32_t Add(absl::string_view text) {
    if (text.empty()) return 0;
    const auto next = start_ + static_cast<uint32_t>(section_.size());
    const auto [offset, is_new] = texts_.Insert(text, next);
    if (is_new) section_.append(text.data(), text.size() + 1);
    return offset;
  }

  const Btf& source_;
  TextTable texts_;
  std::pmr::vector<uint32_t> own_;  // by own offset; 0: not met yet
  SparseNumbers base_numbers_;
  std::pmr::vector<uint32_t> base_;  // by number of a base offset
  uint32_t start_ = 0;
  std::pmr::string section_;
};

class Distiller {
 public:
  Distiller(const Btf& source, std::pmr::memory_resource* memory)
      : source_(source),
        memory_(memory),
        strings_(source, memory),
        numbers_(memory),
        closure_(memory),
        new_ids_(memory),
        words_(source.words(), memory),
        offsets_(source.offsets(), memory) {}

  absl::Status Run(uint32_t hdr_len, std::optional<Btf>* base,
                   std::optional<Btf>* split) {
    RETURN_IF_ERROR(NumberBaseTypes());
    RETURN_IF_ERROR(AssignIds());
    MakeBase(hdr_len, base);
    MakeSplit(hdr_len, **base, split);
    return absl::OkStatus();
  }

 private:
  // A type of the closure and its number.
  struct Member {
    TypeId id;
    uint32_t number;
  };

  static TypeRecord& Record(Btf::Words& words, uint32_t offset) {
    return *reinterpret_cast<TypeRecord*>(&words[offset]);
  }

  absl::Status NumberBaseTypes() {
    const uint32_t count = source_.own_count();
    for (uint32_t i = 0; i < count; ++i) {
      TypeRecord& type = Record(words_, offsets_[i]);
      if (type.kind_number() > btf::kMaxKnownKind) {
        return absl::InvalidArgumentError(
            absl::StrCat(".BTF: type ", source_.first_id() + i,
                         " is of unknown kind ", type.kind_number()));
      }
      btf::ForEachTypeField(type, [this](TypeId& id) {
        if (id != 0 && !source_.is_own(id)) id = Number(id);
      });
    }
    // The closure grows while it is walked.
    for (size_t i = 0; i < closure_.size(); ++i) {
      const TypeId id = closure_[i].id;
      const TypeRecord& type = source_.type(id);
      if (!CanBeDistilled(type.kind())) {
        return absl::InvalidArgumentError(absl::StrCat(
            ".BTF: refers to type ", id, " of the base, whose kind, ",
            type.kind_number(), ", has no place in a distilled base"));
      }
      if (IsComposite(type.kind()) && type.name_off != 0) continue;
      btf::ForEachTypeField(type, [this](TypeId used) {
        if (used != 0) Number(used);
      });
    }
    return absl::OkStatus();
  }

  uint32_t Number(TypeId id) {
    const auto [number, is_new] = numbers_.Insert(id);
    if (is_new) closure_.push_back({id, number});
    return number;
  }

  absl::Status AssignIds() {
    new_ids_.assign(closure_.size() + 1, 0);
    std::sort(closure_.begin(), closure_.end(),
              [](const Member& a, const Member& b) { return a.id < b.id; });
    for (const Member& member : closure_) {
      const TypeRecord& type = source_.type(member.id);
      if (!GoesToBase(type)) continue;
      const uint32_t size = type.size_or_type;
      if (IsEnum(type.kind()) &&
          (size == 0 || size > 8 || (size & (size - 1)) != 0)) {
        return absl::InvalidArgumentError(
            absl::StrCat(".BTF: refers to enum ", source_.name(member.id),
                         " (type ", member.id, " of the base), whose size of ",
                         size, " bytes is none of 1, 2, 4 and 8"));
      }
      new_ids_[member.number] = ++base_count_;
    }
    TypeId next = base_count_ + 1 + source_.own_count();
    for (const Member& member : closure_) {
      TypeId& new_id = new_ids_[member.number];
      if (new_id != 0) continue;
      // Where nothing goes to the base, upstream takes the split for the base
      // when it comes to appending. So nothing is appended, and the old id
      // stays, which no longer means anything.
      new_id = base_count_ == 0 ? member.id : next++;
    }
    return absl::OkStatus();
  }

  // The new id of a type by its id in the source.
  TypeId NewId(TypeId id) {
    if (id == 0) return 0;
    if (source_.is_own(id)) return id - source_.first_id() + base_count_ + 1;
    return new_ids_[numbers_.Find(id)];
  }

  void MakeBase(uint32_t hdr_len, std::optional<Btf>* base) {
    Btf::Words words(memory_);
    Btf::Words offsets(memory_);
    words.reserve(size_t{base_count_} * 4);
    offsets.reserve(base_count_ + 1);
    strings_.StartWithEmptyString();
    for (const Member& member : closure_) {
      const TypeRecord& type = source_.type(member.id);
      if (!GoesToBase(type)) continue;
      offsets.push_back(static_cast<uint32_t>(words.size()));
      words.push_back(strings_.Map(type.name_off));
      if (IsComposite(type.kind())) {
        words.push_back(btf::MakeInfo(type.kind(), 0, false));
      } else if (IsEnum(type.kind())) {
        words.push_back(btf::MakeInfo(Kind::kEnum, 0, false));
      } else {
        words.push_back(type.info);
      }
      // A FWD's third word is not used, but counts as an id.
      words.push_back(type.kind() == Kind::kFwd ? NewId(type.size_or_type)
                                                : type.size_or_type);
      if (type.kind() == Kind::kInt) words.push_back(type.tail()[0]);
    }
    offsets.push_back(static_cast<uint32_t>(words.size()));
    base->emplace(btf::TypeTable(), nullptr, hdr_len, source_.foreign_endian(),
                  memory_);
    (*base)->ReplaceTypes(std::move(words), std::move(offsets));
    (*base)->ReplaceOwnStrings(strings_.TakeSection());
  }

  void MakeSplit(uint32_t hdr_len, const Btf& base, std::optional<Btf>* split) {
    const TypeId first = source_.first_id();
    const uint32_t shift = first - base_count_ - 1;
    for (uint32_t i = 0; i < source_.own_count(); ++i) {
      TypeRecord& type = Record(words_, offsets_[i]);
      btf::ForEachTypeField(type, [&](TypeId& id) {
        id = id >= first ? id - shift : new_ids_[id];  // numbers; 0 stays
      });
      btf::ForEachStringField(
          type, [this](uint32_t& offset) { offset = strings_.Map(offset); });
    }
    if (base_count_ != 0) AppendRest();
    split->emplace(base.AsParent(), nullptr, hdr_len, source_.foreign_endian(),
                   memory_);
    (*split)->ReplaceTypes(std::move(words_), std::move(offsets_));
    (*split)->ReplaceOwnStrings(strings_.TakeSection());
  }

  // What of the closure did not go to the new base.
  void AppendRest() {
    for (const Member& member : closure_) {
      const TypeRecord& old = source_.type(member.id);
      if (GoesToBase(old)) continue;
      const auto start = static_cast<uint32_t>(words_.size());
      const auto* old_words = reinterpret_cast<const uint32_t*>(&old);
      words_.insert(words_.end(), old_words,
                    old_words + source_.parent().type_words(member.id));
      offsets_.push_back(static_cast<uint32_t>(words_.size()));
      TypeRecord& type = Record(words_, start);
      btf::ForEachTypeField(type, [this](TypeId& id) { id = NewId(id); });
      btf::ForEachStringField(
          type, [this](uint32_t& offset) { offset = strings_.Map(offset); });
    }
  }

  const Btf& source_;
  std::pmr::memory_resource* const memory_;
  NewStrings strings_;
  SparseNumbers numbers_;             // of base ids
  std::pmr::vector<Member> closure_;  // ascending by id, from AssignIds() on
  std::pmr::vector<TypeId> new_ids_;  // by number
  uint32_t base_count_ = 0;           // types of the new base, without void
  Btf::Words words_;                  // of the new split
  Btf::Words offsets_;
};

}  // namespace

absl::Status Distill(const Btf& source, uint32_t hdr_len,
                     std::optional<Btf>* base, std::optional<Btf>* split) {
  if (source.base() == nullptr) {
    return absl::InvalidArgumentError(".BTF: there is no base to distill from");
  }
  if (source.has_dangling_ids() || source.base()->has_dangling_ids()) {
    return absl::InvalidArgumentError(
        ".BTF: a type refers to an id beyond the last type");
  }
  return Distiller(source, source.memory()).Run(hdr_len, base, split);
}

}  // namespace btfd::engine
