// SPDX-License-Identifier: Apache-2.0
#include "lib/report/type_keys.h"

#include <cstring>
#include <initializer_list>

#include "absl/status/status.h"
#include "lib/btf/string_hash.h"
#include "lib/util/status_macros.h"

namespace btfd::report {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// How deep what has no name may nest; beyond that a reference counts for
// nothing. Compilers do not come near it.
constexpr int kMaxDepth = 200;
// Names are hashed faster than they are counted.
constexpr uint64_t kNameBytesAStep = 16;

// What a type is called where it is referred to: a declaration counts as what
// it declares, and an enum of any width as an enum.
Kind ReferenceKind(const TypeRecord& type) {
  switch (type.kind()) {
    case Kind::kFwd:
      return type.kflag() ? Kind::kUnion : Kind::kStruct;
    case Kind::kEnum64:
      return Kind::kEnum;
    default:
      return type.kind();
  }
}

// The kinds that are referred to by their names.
bool IsReferredByName(Kind kind) {
  switch (kind) {
    case Kind::kInt:
    case Kind::kStruct:
    case Kind::kUnion:
    case Kind::kEnum:
    case Kind::kEnum64:
    case Kind::kFwd:
    case Kind::kTypedef:
    case Kind::kFloat:
      return true;
    default:
      return false;
  }
}

// Makes the keys of one BTF. `Types` is a Base or a Btf.
template <typename Types>
class KeyMaker {
 public:
  KeyMaker(const Types& types, TypeId first, const BaseKeys* parent,
           util::WorkBudget* work)
      : types_(types),
        first_(first),
        parent_(parent),
        work_(work),
        references_(types.end_id() - first, 0),
        known_(types.end_id() - first, false) {}

  Key ReferenceTo(TypeId id) {
    if (id == 0) return 1;
    if (id < first_) return parent_ == nullptr ? 1 : parent_->ReferenceTo(id);
    const TypeRecord& type = types_.type(id);
    if (known_[id - first_]) return references_[id - first_];
    // Each type is entered once, also one that leads back to itself.
    if (depth_ >= kMaxDepth) return 2;
    known_[id - first_] = true;
    ++depth_;
    Key key;
    if (type.name_off != 0 && IsReferredByName(type.kind())) {
      key = Combine({static_cast<uint64_t>(ReferenceKind(type)),
                     NameHash(type.name_off)});
    } else {
      key = ContentOf(type);
    }
    --depth_;
    return references_[id - first_] = key;
  }

  // The key of a type's own content.
  Key ContentOf(const TypeRecord& type) {
    work_->Spend(1 + type.vlen());
    if (work_->exhausted()) return 0;
    const Kind kind = type.kind();
    std::vector<uint64_t> words = {type.info, NameHash(type.name_off)};
    const auto add = [&words](std::initializer_list<uint64_t> more) {
      words.insert(words.end(), more);
    };
    if (btf::ThirdWordIsType(kind) && kind != Kind::kFwd) {
      words.push_back(ReferenceTo(type.size_or_type));
    } else {
      words.push_back(type.size_or_type);
    }
    switch (kind) {
      case Kind::kInt:
      case Kind::kVar:
      case Kind::kDeclTag:
        words.push_back(type.tail()[0]);
        break;
      case Kind::kArray:
        add({ReferenceTo(type.array().element), ReferenceTo(type.array().index),
             type.array().count});
        break;
      case Kind::kStruct:
      case Kind::kUnion:
        for (const btf::Member& member : type.members()) {
          add({NameHash(member.name_off), ReferenceTo(member.type),
               member.offset});
        }
        break;
      case Kind::kEnum:
        for (const btf::Enumerator& value : type.enumerators()) {
          add({NameHash(value.name_off), value.value});
        }
        break;
      case Kind::kEnum64:
        for (const btf::Enumerator64& value : type.enumerators64()) {
          add({NameHash(value.name_off), value.lo32, value.hi32});
        }
        break;
      case Kind::kFuncProto:
        for (const btf::Param& param : type.params()) {
          add({NameHash(param.name_off), ReferenceTo(param.type)});
        }
        break;
      case Kind::kDatasec:
        for (const btf::SectionVar& var : type.section_vars()) {
          add({ReferenceTo(var.type), var.offset, var.size});
        }
        break;
      default:
        break;
    }
    return Hash(words);
  }

 private:
  static Key Hash(const std::vector<uint64_t>& words) {
    return btf::HashStringSecretly(
        absl::string_view(reinterpret_cast<const char*>(words.data()),
                          words.size() * sizeof(words[0])));
  }
  static Key Combine(std::initializer_list<uint64_t> words) {
    return btf::HashStringSecretly(
        absl::string_view(reinterpret_cast<const char*>(words.begin()),
                          words.size() * sizeof(uint64_t)));
  }
  uint64_t NameHash(uint32_t offset) {
    if (offset == 0 || work_->exhausted()) return 0;
    const char* const name = types_.string(offset);
    const size_t length = strlen(name);
    work_->Spend(1 + length / kNameBytesAStep);
    return btf::HashStringSecretly(absl::string_view(name, length));
  }

  const Types& types_;
  const TypeId first_;
  const BaseKeys* const parent_;
  util::WorkBudget* const work_;
  std::vector<Key> references_;  // by id - first_
  std::vector<bool> known_;
  int depth_ = 0;
};

absl::Status CheckWalkable(bool dangling, bool unknown) {
  if (dangling) {
    return absl::InvalidArgumentError("refers to a type that does not exist");
  }
  if (unknown) {
    return absl::InvalidArgumentError("has a type of a kind that is not known");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BaseKeys> BaseKeys::Make(const btf::Base& base) {
  RETURN_IF_ERROR(
      CheckWalkable(base.has_dangling_ids(), base.has_unknown_kinds()));
  util::WorkBudget work = util::WorkBudget::ForInput(base.blob().size());
  BaseKeys keys;
  keys.base_ = &base;
  KeyMaker<btf::Base> maker(base, 1, nullptr, &work);
  keys.references_.reserve(base.end_id());
  keys.references_.push_back(maker.ReferenceTo(0));
  keys.keys_.reserve(base.end_id());
  for (TypeId id = 1; id < base.end_id(); ++id) {
    keys.references_.push_back(maker.ReferenceTo(id));
    keys.keys_.insert(maker.ContentOf(base.type(id)));
    RETURN_IF_ERROR(work.Check());
  }
  return keys;
}

absl::StatusOr<std::vector<Key>> KeysOf(const btf::Btf& btf,
                                        const BaseKeys* parent,
                                        util::WorkBudget* work) {
  RETURN_IF_ERROR(
      CheckWalkable(btf.has_dangling_ids(), btf.has_unknown_kinds()));
  KeyMaker<btf::Btf> maker(btf, btf.first_id(), parent, work);
  std::vector<Key> keys;
  keys.reserve(btf.own_count());
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    keys.push_back(maker.ContentOf(btf.own_type(id)));
    RETURN_IF_ERROR(work->Check());
  }
  return keys;
}

}  // namespace btfd::report
