// SPDX-License-Identifier: Apache-2.0
//
// Identity of types by their records, to a depth of 16 nested types. libbpf
// answers each question anew, which is exponential in the depth where types
// share parts; the answers depend on nothing that changes while graphs are
// compared, so each pair keeps the depths for which it is known. An array is
// the same as one of equal length, whatever the elements: upstream compares the
// first one's element with itself.
//
// By the older rule only arrays whose records are equal may be the same, and
// structs and unions made of such and of equal ids. It knows no depth: an
// answer there is one for any.
#include "lib/engine/dedup/compare/identity.h"

#include <algorithm>

#include "lib/engine/dedup/compare/records.h"

namespace btfd::engine::dedup {

namespace {
constexpr int kMaxDepth = 16;
// Of structs in each other, where the rule has no limit: libbpf recurses until
// its stack is full.
constexpr int kMaxNesting = 1000;

// In an answer: whatever the depth.
constexpr uint8_t kAnyDepth = 0xff;

bool HasNoAnswer(Equality equality) {
  return equality == Equality::kEndless || equality == Equality::kTooMuchWork;
}
}  // namespace

Identity::Identity(const State& state)
    : types_(state.types),
      rule_(state.rules.identity),
      work_(state.work),
      answers_(state.memory) {}

Identity::Answer& Identity::Find(TypeId a, TypeId b) {
  const uint64_t pair = uint64_t{std::min(a, b)} << 32 | std::max(a, b);
  uint64_t passed = 0;
  Answer& answer = answers_.At(pair, &passed);
  work_->Spend(passed);
  return answer;
}

Equality Identity::Compare(TypeId a, TypeId b) {
  return rule_ == IdentityRule::kDeep ? Compare(a, b, kMaxDepth)
                                      : CompareRecords(a, b);
}

Equality Identity::CompareRecords(TypeId a, TypeId b) {
  const TypeRecord& x = types_[a];
  const TypeRecord& y = types_[b];
  if (btf::IsComposite(x.kind()) && x.kind() == y.kind()) {
    return CompareStructs(a, b, 0);
  }
  return x.kind() == Kind::kArray && btf::SameRecord(x, y)
             ? Equality::kSame
             : Equality::kDifferent;
}

// Precondition: both are STRUCT or both UNION.
Equality Identity::CompareStructs(TypeId a, TypeId b, int nesting) {
  if (nesting > kMaxNesting) return Equality::kEndless;
  if (work_->exhausted()) return Equality::kTooMuchWork;
  {
    const Answer& known = Find(a, b);
    if (known.same_from == 0) return Equality::kSame;
    if (known.different_to == kAnyDepth) return Equality::kDifferent;
  }
  const TypeRecord& x = types_[a];
  const TypeRecord& y = types_[b];
  work_->Spend(1 + x.vlen());
  bool same = btf::SameShape(x, y);
  const uint32_t* p = x.tail() + 1;
  const uint32_t* q = y.tail() + 1;
  for (uint32_t i = 0; same && i < x.vlen(); ++i, p += 3, q += 3) {
    if (*p == *q) continue;
    const TypeRecord& member = types_[*p];
    const TypeRecord& other = types_[*q];
    if (!btf::IsComposite(member.kind()) || member.kind() != other.kind()) {
      same = member.kind() == Kind::kArray && btf::SameRecord(member, other);
      continue;
    }
    const Equality equality = CompareStructs(*p, *q, nesting + 1);
    if (HasNoAnswer(equality)) return equality;
    same = equality == Equality::kSame;
  }
  Answer& answer = Find(a, b);
  if (same) {
    answer.same_from = 0;
    return Equality::kSame;
  }
  answer.different_to = kAnyDepth;
  return Equality::kDifferent;
}

// Follows single references, which do not count as depth.
Equality Identity::Compare(TypeId a, TypeId b, int depth) {
  if (depth <= 0) return Equality::kDifferent;
  for (TypeId steps = 0; steps < types_.end(); ++steps) {
    work_->Spend(1);
    if (work_->exhausted()) return Equality::kTooMuchWork;
    const TypeRecord& x = types_[a];
    const TypeRecord& y = types_[b];
    const Kind kind = x.kind();
    if (kind != y.kind()) return Equality::kDifferent;
    bool same = false;
    switch (kind) {
      case Kind::kUnknown:
        same = true;
        break;
      case Kind::kInt:
        same = btf::SameRecord(x, y);
        break;
      case Kind::kEnum:
      case Kind::kEnum64:
        same = SameEnum(x, y);
        break;
      case Kind::kFwd:
      case Kind::kFloat:
        same = btf::SameHead(x, y);
        break;
      case Kind::kArray:
        same = btf::SameHead(x, y) && x.array().count == y.array().count;
        break;
      case Kind::kStruct:
      case Kind::kUnion:
      case Kind::kFuncProto:
        return CompareParts(a, b, depth);
      default:
        if (!btf::IsSingleReference(kind) || x.info != y.info ||
            x.name_off != y.name_off) {
          return Equality::kDifferent;
        }
        a = x.size_or_type;
        b = y.size_or_type;
        continue;
    }
    return same ? Equality::kSame : Equality::kDifferent;
  }
  return Equality::kEndless;  // longer than there are types
}

// Precondition: both are STRUCT, both UNION or both FUNC_PROTO.
Equality Identity::CompareParts(TypeId a, TypeId b, int depth) {
  if (a == b) return Equality::kSame;
  {
    const Answer& known = Find(a, b);
    if (depth >= known.same_from) return Equality::kSame;
    if (depth <= known.different_to) return Equality::kDifferent;
  }
  const TypeRecord& x = types_[a];
  const TypeRecord& y = types_[b];
  work_->Spend(x.vlen());
  const bool is_proto = x.kind() == Kind::kFuncProto;
  const uint32_t stride = is_proto ? 2 : 3;
  const uint32_t* p = x.tail();
  const uint32_t* q = y.tail();
  bool same;
  if (is_proto) {
    same = x.name_off == y.name_off && x.info == y.info &&
           SameParameterNames(x, y);
  } else {
    same = btf::SameShape(x, y);
  }
  auto compare = [&](TypeId m, TypeId n) {
    if (m == n) return Equality::kSame;
    return Compare(m, n, depth - 1);
  };
  if (same && is_proto) {
    const Equality equality = compare(x.size_or_type, y.size_or_type);
    if (HasNoAnswer(equality)) return equality;
    same = equality == Equality::kSame;
  }
  for (uint32_t i = 0; same && i < x.vlen(); ++i) {
    const Equality equality = compare(p[i * stride + 1], q[i * stride + 1]);
    if (HasNoAnswer(equality)) return equality;
    same = equality == Equality::kSame;
  }
  Answer& answer = Find(a, b);
  if (same) {
    answer.same_from = std::min<uint8_t>(answer.same_from, depth);
    return Equality::kSame;
  }
  answer.different_to = std::max<uint8_t>(answer.different_to, depth);
  return Equality::kDifferent;
}

}  // namespace btfd::engine::dedup
