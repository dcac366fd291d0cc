// SPDX-License-Identifier: Apache-2.0
//
// 1. Copy the split's records, and put a small number in the place of each base
//    id, counting from 1 as new ones are met. The base types so numbered, and
//    those that they refer to (through all but named structs and unions), are
//    the closure.
// 2. Walk the closure by ascending id: a named type goes, without content, to
//    the new base; any other one is appended to the split, in full.
// 3. With the split's types and those appended, the split is complete. If it is
//    to be sorted, now is the time: all that is written has its final place.
// 4. Write the new base, then the split, in their old order for the strings'
//    sake, each record to its place and with new ids and strings.
#include "lib/engine/distill/distill.h"

#include <algorithm>
#include <memory_resource>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/kinds.h"
#include "lib/engine/distill/new_strings.h"
#include "lib/engine/sort.h"
#include "lib/util/probe_map.h"
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

// Copies a record of `count` words, with each id and string field put through a
// function: one walk where ForEachTypeField() and ForEachStringField() and a
// copy would be three. `from` and `to` may be the same.
template <typename IdFn, typename StringFn>
void Rewrite(const uint32_t* from, uint32_t* to, uint32_t count, IdFn&& id,
             StringFn&& string) {
  const auto& type = *reinterpret_cast<const TypeRecord*>(from);
  const Kind kind = type.kind();
  const bool third_is_id = btf::ThirdWordIsType(kind);
  const uint32_t* const end = from + count;
  *to++ = string(*from++);
  *to++ = *from++;
  *to++ = third_is_id ? id(*from) : *from;
  ++from;
  switch (kind) {
    case Kind::kStruct:
    case Kind::kUnion:
      while (from != end) {
        *to++ = string(*from++);
        *to++ = id(*from++);
        *to++ = *from++;
      }
      break;
    case Kind::kFuncProto:
      while (from != end) {
        *to++ = string(*from++);
        *to++ = id(*from++);
      }
      break;
    case Kind::kEnum:
      while (from != end) {
        *to++ = string(*from++);
        *to++ = *from++;
      }
      break;
    case Kind::kEnum64:
      while (from != end) {
        *to++ = string(*from++);
        *to++ = *from++;
        *to++ = *from++;
      }
      break;
    case Kind::kArray:
      *to++ = id(*from++);
      *to++ = id(*from++);
      *to++ = *from++;
      break;
    case Kind::kDatasec:
      while (from != end) {
        *to++ = id(*from++);
        *to++ = *from++;
        *to++ = *from++;
      }
      break;
    default:
      while (from != end) *to++ = *from++;
      break;
  }
}

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

// A base type of the closure.
struct Member {
  TypeId id;
  uint32_t number;  // in the order in which they were met, from 1
};

// A radix sort: ids are many, and have few bits.
void SortById(std::pmr::vector<Member>* members) {
  constexpr uint32_t kBits = 11;
  constexpr uint32_t kDigits = 1 << kBits;
  TypeId all_bits = 0;
  for (const Member& member : *members) all_bits |= member.id;
  std::pmr::vector<Member> sorted(members->size(), Member{},
                                  members->get_allocator());
  for (uint32_t shift = 0; shift < 32 && all_bits >> shift != 0;
       shift += kBits) {
    uint32_t starts[kDigits + 1] = {};
    const auto digit = [shift](const Member& member) {
      return member.id >> shift & (kDigits - 1);
    };
    for (const Member& member : *members) ++starts[digit(member) + 1];
    for (uint32_t i = 0; i < kDigits; ++i) starts[i + 1] += starts[i];
    for (const Member& member : *members) {
      sorted[starts[digit(member)]++] = member;
    }
    members->swap(sorted);
  }
}

class Distiller {
 public:
  Distiller(const Btf& source, bool sorted)
      : source_(source),
        first_id_(source.first_id()),
        sorted_(sorted),
        memory_(source.memory()),
        strings_(source),
        numbers_(memory_, 2 * source.own_count()),
        closure_(memory_),
        new_ids_(memory_),
        words_(source.words().size(), 0, memory_),
        offsets_(source.offsets(), memory_),
        places_(memory_) {}

  absl::Status Run(uint32_t hdr_len, std::optional<Btf>* base,
                   std::optional<Btf>* split) {
    RETURN_IF_ERROR(NumberOwnTypes());
    RETURN_IF_ERROR(CompleteClosure());
    SortById(&closure_);
    RETURN_IF_ERROR(AssignBaseIds());
    if (base_count_ != 0) AppendRest();
    RETURN_IF_ERROR(AssignSplitIds());
    strings_.Reserve(base_count_);
    MakeBase(hdr_len, base);
    strings_.AddNumbered();
    MakeSplit(hdr_len, **base, split);
    return absl::OkStatus();
  }

 private:
  // Ids of the base become numbers of the closure; the own ones, which are
  // higher, stay. Strings become numbers, too.
  void NumberFields(const uint32_t* from, uint32_t* to, uint32_t count) {
    Rewrite(
        from, to, count,
        [this](TypeId id) {
          return id == 0 || id >= first_id_ ? id : Number(id);
        },
        [this](uint32_t offset) { return strings_.Number(offset); });
  }

  uint32_t Number(TypeId id) {
    uint32_t& number = numbers_[id];
    if (number == 0) {
      number = static_cast<uint32_t>(closure_.size()) + 1;
      closure_.push_back({id, number});
    }
    return number;
  }

  absl::Status NumberOwnTypes() {
    closure_.reserve(source_.own_count());
    for (uint32_t i = 0; i < source_.own_count(); ++i) {
      const TypeRecord& type = source_.own_type(first_id_ + i);
      if (type.kind_number() > btf::kMaxKnownKind) {
        return absl::InvalidArgumentError(
            absl::StrCat(".BTF: type ", first_id_ + i, " is of unknown kind ",
                         type.kind_number()));
      }
      NumberFields(&source_.words()[offsets_[i]], &words_[offsets_[i]],
                   offsets_[i + 1] - offsets_[i]);
    }
    direct_count_ = static_cast<uint32_t>(closure_.size());
    return absl::OkStatus();
  }

  // The closure grows while it is walked. Its types lie all over the base: ask
  // for them some steps ahead.
  absl::Status CompleteClosure() {
    constexpr size_t kAhead = 8;
    for (size_t i = 0; i < closure_.size(); ++i) {
      if (i + kAhead < closure_.size()) {
        __builtin_prefetch(&source_.type(closure_[i + kAhead].id));
      }
      const TypeId id = closure_[i].id;
      const TypeRecord& type = source_.type(id);
      if (!CanBeDistilled(type.kind())) {
        return absl::InvalidArgumentError(absl::StrCat(
            ".BTF: refers to type ", id, " of the base, whose kind, ",
            type.kind_number(), ", has no place in a distilled base"));
      }
      if (btf::IsComposite(type.kind()) && type.name_off != 0) continue;
      btf::ForEachTypeField(type, [this](TypeId used) {
        if (used != 0) Number(used);
      });
    }
    return absl::OkStatus();
  }

  absl::Status AssignBaseIds() {
    new_ids_.assign(closure_.size() + 1, 0);
    for (const Member& member : closure_) {
      const TypeRecord& type = source_.type(member.id);
      if (!GoesToBase(type)) continue;
      __builtin_prefetch(source_.string(type.name_off));
      const uint32_t size = type.size_or_type;
      if (btf::IsAnyEnum(type.kind()) &&
          (size == 0 || size > 8 || (size & (size - 1)) != 0)) {
        return absl::InvalidArgumentError(
            absl::StrCat(".BTF: refers to enum ", source_.name(member.id),
                         " (type ", member.id, " of the base), whose size of ",
                         size, " bytes is none of 1, 2, 4 and 8"));
      }
      new_ids_[member.number] = ++base_count_;
    }
    return absl::OkStatus();
  }

  // Whether a type of the closure goes to the split.
  bool IsRest(const Member& member) const {
    return new_ids_[member.number] == 0;
  }

  void AppendRest() {
    for (const Member& member : closure_) {
      if (!IsRest(member)) continue;
      const auto start = static_cast<uint32_t>(words_.size());
      const uint32_t count = source_.parent().type_words(member.id);
      words_.resize(start + count);
      offsets_.push_back(start + count);
      NumberFields(reinterpret_cast<const uint32_t*>(&source_.type(member.id)),
                   &words_[start], count);
    }
  }

  // The split's types are all in words_ now. They go there as they come, or by
  // name.
  absl::Status AssignSplitIds() {
    const auto count = static_cast<uint32_t>(offsets_.size() - 1);
    if (sorted_) {
      NameOrder order(count, memory_);
      for (uint32_t i = 0; i < source_.own_count(); ++i) {
        order.Add(source_, source_.own_type(first_id_ + i).name_off);
      }
      for (const Member& member : closure_) {
        if (base_count_ == 0 || !IsRest(member)) continue;
        order.Add(source_, source_.type(member.id).name_off);
      }
      places_ = order.Finish();
    } else {
      places_.resize(count);
      std::iota(places_.begin(), places_.end(), 0);
    }
    if (base_count_ == 0) return KeepOldIds();
    uint32_t index = source_.own_count();
    for (const Member& member : closure_) {
      if (IsRest(member)) new_ids_[member.number] = SplitId(index++);
    }
    return absl::OkStatus();
  }

  // Where nothing goes to the base, upstream takes the split for the base when
  // it comes to appending. So nothing is appended, and the old ids stay, which
  // no longer mean anything; and a sort takes them for ids of the split.
  absl::Status KeepOldIds() {
    for (const Member& member : closure_) {
      TypeId& new_id = new_ids_[member.number];
      new_id = member.id;
      if (!sorted_ || member.number > direct_count_) continue;
      if (new_id > source_.own_count()) {
        return absl::InvalidArgumentError(absl::StrCat(
            ".BTF: refers to type ", new_id,
            " of the base, but to none that a distilled base would hold"));
      }
      new_id = SplitId(new_id - 1);
    }
    return absl::OkStatus();
  }

  // By index in words_.
  TypeId SplitId(uint32_t index) const {
    return base_count_ + 1 + places_[index];
  }
  // 0 for what the closure does not hold.
  uint32_t NumberOf(TypeId base_id) const {
    const uint32_t* const number = numbers_.Find(base_id);
    return number == nullptr ? 0 : *number;
  }

  // By id, or by number of the closure.
  TypeId NewId(TypeId id) const {
    return id >= first_id_ ? SplitId(id - first_id_) : new_ids_[id];
  }

  void MakeBase(uint32_t hdr_len, std::optional<Btf>* base) {
    Btf::Words words(memory_);
    Btf::Words offsets(memory_);
    words.reserve(size_t{base_count_} * 4);
    offsets.reserve(base_count_ + 1);
    for (const Member& member : closure_) {
      const TypeRecord& type = source_.type(member.id);
      if (!GoesToBase(type)) continue;
      const Kind kind = btf::IsAnyEnum(type.kind()) ? Kind::kEnum : type.kind();
      const bool empty = btf::IsAnyEnum(kind) || btf::IsComposite(kind);
      // A FWD's third word is not used, but counts as an id.
      const uint32_t third = kind == Kind::kFwd
                                 ? NewId(NumberOf(type.size_or_type))
                                 : type.size_or_type;
      offsets.push_back(static_cast<uint32_t>(words.size()));
      words.push_back(strings_.AddToBase(type.name_off));
      words.push_back(empty ? btf::MakeInfo(kind, 0, false) : type.info);
      words.push_back(third);
      if (kind == Kind::kInt) words.push_back(type.tail()[0]);
    }
    offsets.push_back(static_cast<uint32_t>(words.size()));
    base->emplace(btf::TypeTable(), nullptr, hdr_len, source_.foreign_endian(),
                  memory_);
    (*base)->ReplaceTypes(std::move(words), std::move(offsets));
    (*base)->ReplaceOwnStrings(strings_.BaseSection());
  }

  void MakeSplit(uint32_t hdr_len, const Btf& base, std::optional<Btf>* split) {
    const auto count = static_cast<uint32_t>(places_.size());
    Btf::Words offsets(count + 1, 0, memory_);
    for (uint32_t i = 0; i < count; ++i) {
      offsets[places_[i] + 1] = offsets_[i + 1] - offsets_[i];
    }
    for (uint32_t i = 0; i < count; ++i) offsets[i + 1] += offsets[i];

    Btf::Words words(words_.size(), 0, memory_);
    for (uint32_t i = 0; i < count; ++i) {
      Rewrite(
          &words_[offsets_[i]], &words[offsets[places_[i]]],
          offsets_[i + 1] - offsets_[i],
          [this](TypeId id) { return NewId(id); },
          [this](uint32_t string) { return strings_.NewOffset(string); });
    }
    split->emplace(base.AsParent(), nullptr, hdr_len, source_.foreign_endian(),
                   memory_);
    (*split)->ReplaceTypes(std::move(words), std::move(offsets));
    (*split)->ReplaceOwnStrings(strings_.SplitSection());
  }

  const Btf& source_;
  const TypeId first_id_;
  const bool sorted_;
  std::pmr::memory_resource* const memory_;
  NewStrings strings_;
  util::ProbeMap<TypeId, uint32_t> numbers_;  // by base id, from 1
  std::pmr::vector<Member> closure_;  // ascending by id, once it is complete
  uint32_t direct_count_ = 0;         // up to this number: used by own types
  uint32_t base_count_ = 0;           // types of the new base, without void
  std::pmr::vector<TypeId> new_ids_;  // of the closure, by number
  // The records of the new split, not in their final order, with numbers for
  // strings and for ids of the base.
  Btf::Words words_;
  Btf::Words offsets_;
  std::pmr::vector<uint32_t> places_;  // where each of them goes
};

}  // namespace

absl::Status Distill(const Btf& source, uint32_t hdr_len, bool sorted,
                     std::optional<Btf>* base, std::optional<Btf>* split) {
  if (source.base() == nullptr) {
    return absl::InvalidArgumentError(".BTF: there is no base to distill from");
  }
  if (source.has_dangling_ids() || source.base()->has_dangling_ids()) {
    return absl::InvalidArgumentError(
        ".BTF: a type refers to an id beyond the last type");
  }
  return Distiller(source, sorted).Run(hdr_len, base, split);
}

}  // namespace btfd::engine
