// SPDX-License-Identifier: Apache-2.0
//
// Set by set, entry by entry. Most of the rules are about iterators: a BPF
// program keeps one, a struct bpf_iter_NAME, on its stack, and three functions
// work on it, called bpf_iter_NAME_new, _next and _destroy.
#include "lib/engine/kernel_check/kfunc_sets.h"

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/engine/kfuncs.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

constexpr uint32_t kMaxEntries = 256;
// Flags of a kfunc (include/linux/btf.h).
constexpr uint32_t kIterNew = 1u << 8;
constexpr uint32_t kIterNext = 1u << 9;
constexpr uint32_t kIterDestroy = 1u << 10;
constexpr uint32_t kIterFlags = kIterNew | kIterNext | kIterDestroy;
constexpr absl::string_view kIterPrefix = "bpf_iter_";
// Own modifiers are at most 32 in a row; those of the base nobody has judged,
// nor what its functions return.
constexpr int kMaxModifiers = 64;

const TypeRecord& SkipModifiers(const Btf& btf, TypeId id) {
  for (int i = 0; i < kMaxModifiers && id < btf.end_id(); ++i) {
    const TypeRecord& type = btf.type(id);
    if (!btf::IsModifier(type.kind())) return type;
    id = type.size_or_type;
  }
  return btf::VoidType();
}

// What the kernel asks of a function with one of the iterator's flags; empty:
// nothing is wrong.
std::string DefectOfIterator(const Btf& btf, absl::string_view name,
                             const TypeRecord& proto, uint32_t flags) {
  if ((flags & (flags - 1)) != 0) {
    return "is flagged as more than one of an iterator's functions";
  }
  if (proto.params().empty()) return "works on an iterator, but takes none";
  const TypeRecord& pointer = SkipModifiers(btf, proto.params()[0].type);
  if (pointer.kind() != Kind::kPtr) {
    return "works on an iterator, but its first argument is no pointer";
  }
  const TypeRecord& iterator = SkipModifiers(btf, pointer.size_or_type);
  const absl::string_view type = btf.string(iterator.name_off);
  if ((iterator.kind() != Kind::kStruct && iterator.kind() != Kind::kUnion) ||
      !absl::StartsWith(type, kIterPrefix)) {
    return "works on an iterator, but its first argument is no struct "
           "bpf_iter_...";
  }
  if (iterator.size_or_type == 0 || iterator.size_or_type % 8 != 0) {
    return absl::StrCat("works on a struct ", type, " of ",
                        iterator.size_or_type,
                        " bytes, which is no multiple of 8");
  }
  const std::string expected =
      absl::StrCat(type, flags == kIterNew    ? "_new"
                         : flags == kIterNext ? "_next"
                                              : "_destroy");
  if (name != expected) return absl::StrCat("must be called ", expected);
  if (flags != kIterNew && proto.params().size() != 1) {
    return "has more arguments than its iterator";
  }
  if (flags == kIterNext &&
      SkipModifiers(btf, proto.size_or_type).kind() != Kind::kPtr) {
    return "gives an iterator's next value, but returns no pointer";
  }
  if (flags == kIterDestroy && proto.size_or_type != 0) {
    return "ends an iterator, but does not return void";
  }
  return "";
}

class SetCheck {
 public:
  SetCheck(const BtfIds& ids, const Btf& btf, const btf::Base* vmlinux,
           const KernelRules& rules)
      : ids_(ids), btf_(btf), vmlinux_(vmlinux), rules_(rules) {}

  absl::Status Check(const IdName& set) const {
    const uint64_t begin = ids_.place(set, 0);
    if (!ids_.InBounds(begin, 8)) return absl::OkStatus();
    if ((ids_.word(begin + 4) & kSet8Kfuncs) == 0) return absl::OkStatus();
    const uint32_t count = ids_.word(begin);
    if (count != set.count) {
      return Refuse(
          set, absl::StrCat("its count is ", count, ", and it has ", set.count,
                            " entries: it is not finalized"));
    }
    if (count > kMaxEntries) {
      return Refuse(set, absl::StrCat(count, " kfuncs, and the kernel takes ",
                                      kMaxEntries, " of a set"));
    }
    if (!ids_.InBounds(begin, 8 * (uint64_t{count} + 1))) {
      return Refuse(set, "its entries run past the end of the section");
    }
    RETURN_IF_ERROR(ids_.Spend(count));
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t entry = begin + 8 * (uint64_t{i} + 1);
      const std::string defect =
          DefectOf(ids_.word(entry), ids_.word(entry + 4));
      if (!defect.empty()) {
        return Refuse(set, absl::StrCat("entry ", i, ": ", defect));
      }
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Refuse(const IdName& set, absl::string_view defect) {
    return absl::InvalidArgumentError(
        absl::StrCat(".BTF_ids: kfunc set ", set.name, ": ", defect));
  }

  std::string DefectOf(TypeId id, uint32_t flags) const {
    if (id == 0) return "no id; the BTF had no such function";
    if (id >= btf_.end_id()) {
      return absl::StrCat("type ", id, ", but there are ", btf_.end_id(),
                          " types");
    }
    const TypeRecord& func = btf_.type(id);
    if (func.kind() != Kind::kFunc) {
      return absl::StrCat("type ", id, " is no FUNC");
    }
    const absl::string_view name = btf_.string(func.name_off);
    const std::string who = absl::StrCat("type ", id, " (FUNC ", name, ") ");
    if (rules_.own_kfunc_names && vmlinux_ != nullptr &&
        !vmlinux_->FindByName(Kind::kFunc, name).empty()) {
      return who + "has the name of a function of the kernel's own";
    }
    if ((flags & kIterFlags) == 0) return "";
    const std::string defect = DefectOfIterator(
        btf_, name, btf_.type(func.size_or_type), flags & kIterFlags);
    return defect.empty() ? "" : who + defect;
  }

  const BtfIds& ids_;
  const Btf& btf_;
  const btf::Base* const vmlinux_;
  const KernelRules& rules_;
};

}  // namespace

absl::Status KernelCheckKfuncs(const BtfIds& ids, const Btf& btf,
                               const btf::Base* vmlinux,
                               const KernelRules& rules) {
  const SetCheck check(ids, btf, vmlinux, rules);
  for (const IdName* set : ids.sets()) {
    if (!set->set8) continue;
    RETURN_IF_ERROR(check.Check(*set));
  }
  return absl::OkStatus();
}

}  // namespace btfd::engine
