// SPDX-License-Identifier: Apache-2.0
//
// Every change is made by appending: a new prototype, a tag, a FUNC. The one
// thing that is changed in place is the prototype that a kfunc's FUNC points
// to; for a FUNC of the base that change is kept beside, because the base is
// shared and nothing of it is ever written.
#include "lib/engine/annotate.h"

#include <memory_resource>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/btf/base.h"
#include "lib/engine/kfuncs.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

using btf::Btf;
using btf::Kind;
using btf::Param;
using btf::TypeId;
using btf::TypeRecord;

constexpr absl::string_view kFastcallTag = "bpf_fastcall";
constexpr absl::string_view kArenaAttribute = "address_space(1)";
constexpr absl::string_view kImplSuffix = "_impl";
// The kernel's KSYM_NAME_LEN: room for a name and its NUL.
constexpr size_t kMaxNameBytes = 512;
// Steps that copying a parameter to another prototype counts for.
constexpr uint64_t kParamSteps = 16;
constexpr uint32_t kMaxLinkage = 2;          // BTF_FUNC_EXTERN
constexpr uint32_t kWholeType = 0xffffffff;  // component -1 of a decl tag

bool IsQualifier(Kind kind) {
  return kind == Kind::kConst || kind == Kind::kVolatile ||
         kind == Kind::kRestrict || kind == Kind::kTypeTag;
}

class Annotator {
 public:
  Annotator(const Steps& steps, Btf* btf, BtfIds* ids)
      : steps_(steps),
        btf_(*btf),
        ids_(ids),
        own_funcs_(*btf),
        decl_tags_(btf->memory()),
        base_protos_(btf->memory()) {}

  absl::Status Run(std::vector<std::string>* warnings) {
    std::pmr::vector<Kfunc> kfuncs(btf_.memory());
    if (steps_.kfuncs == KfuncSource::kDeclTags) {
      if (ids_->symbol_count(IdKind::kFunc) == 0) return absl::OkStatus();
      CollectDeclTags();
      ASSIGN_OR_RETURN(kfuncs, KfuncsByDeclTags(btf_, ids_, decl_tags_));
    } else {
      ASSIGN_OR_RETURN(kfuncs, KfuncsBySet8(btf_, ids_, &own_funcs_, warnings));
      if (!kfuncs.empty()) CollectDeclTags();
    }
    for (const Kfunc& kfunc : kfuncs) {
      if (steps_.kfunc_tags) {
        RETURN_IF_ERROR(AddTag(kKfuncTag, kfunc.id));
        if ((kfunc.flags & kKfFastcall) != 0) {
          RETURN_IF_ERROR(AddTag(kFastcallTag, kfunc.id));
        }
      }
      if (steps_.implicit_args && (kfunc.flags & kKfImplicitArgs) != 0) {
        RETURN_IF_ERROR(HideImplicitArgs(kfunc));
      }
      if (steps_.kfunc_tags) RETURN_IF_ERROR(TagArenaPointers(kfunc));
    }
    return absl::OkStatus();
  }

 private:
  using Params = std::pmr::vector<Param>;

  void CollectDeclTags() {
    if (btf_.base() != nullptr) {
      decl_tags_.assign(btf_.base()->decl_tags().begin(),
                        btf_.base()->decl_tags().end());
    }
    for (TypeId id = btf_.first_id(); id < btf_.end_id(); ++id) {
      if (btf_.own_type(id).kind() == Kind::kDeclTag) decl_tags_.push_back(id);
    }
  }

  // ---- Appending, as libbpf's btf__add_*() do it.

  absl::StatusOr<uint32_t> AddName(absl::string_view text) {
    RETURN_IF_ERROR(btf_.CheckModifiable());
    if (btf_.base() != nullptr && !btf_.base()->modifiable()) {
      return absl::FailedPreconditionError(
          "base: its header has content behind the known fields, so strings "
          "cannot be looked up for an addition");
    }
    return btf_.AddString(text);
  }

  absl::StatusOr<TypeId> AddDeclTag(absl::string_view text, TypeId target,
                                    uint32_t component, bool kflag) {
    ASSIGN_OR_RETURN(const uint32_t name, AddName(text));
    const TypeId id =
        btf_.AddType(name, MakeInfo(Kind::kDeclTag, 0, kflag), target, 1);
    btf_.mutable_own_type(id).tail()[0] = component;
    return id;
  }

  absl::Status AddTag(absl::string_view text, TypeId func) {
    ASSIGN_OR_RETURN(const TypeId id,
                     AddDeclTag(text, func, kWholeType, false));
    decl_tags_.push_back(id);
    return absl::OkStatus();
  }

  absl::StatusOr<TypeId> AddProto(TypeId return_type, const Params& params) {
    RETURN_IF_ERROR(btf_.CheckModifiable());
    const auto count = static_cast<uint32_t>(params.size());
    const TypeId id = btf_.AddType(0, MakeInfo(Kind::kFuncProto, count, false),
                                   return_type, 2 * count);
    for (uint32_t i = 0; i < count; ++i) {
      const absl::string_view text = btf_.string(params[i].name_off);
      uint32_t name = 0;
      if (!text.empty()) {
        ASSIGN_OR_RETURN(name, AddName(text));
      }
      uint32_t* const tail = btf_.mutable_own_type(id).tail();
      tail[2 * i] = name;
      tail[2 * i + 1] = params[i].type;
    }
    return id;
  }

  // ---- What a kfunc points to.

  TypeId ProtoOf(TypeId func) const {
    for (const auto& [base_func, proto] : base_protos_) {
      if (base_func == func) return proto;
    }
    return btf_.type(func).size_or_type;
  }

  void SetProto(TypeId func, TypeId proto) {
    if (btf_.is_own(func)) {
      btf_.mutable_own_type(func).size_or_type = proto;
      return;
    }
    for (auto& [base_func, base_proto] : base_protos_) {
      if (base_func == func) {
        base_proto = proto;
        return;
      }
    }
    base_protos_.emplace_back(func, proto);
  }

  // A copy, because appending moves the records.
  Params ParamsOf(TypeId proto) const {
    const TypeRecord& type = btf_.type(proto);
    Params params(btf_.memory());
    if (type.kind() == Kind::kFuncProto) {
      params.assign(type.params().begin(), type.params().end());
    }
    return params;
  }

  // ---- KF_IMPLICIT_ARGS.

  TypeId SkipQualifiers(TypeId id) const {
    // A cycle of qualifiers hangs upstream's tool; here it is just no pointer.
    for (TypeId steps = 0; steps < btf_.end_id(); ++steps) {
      const TypeRecord& type = btf_.type(id);
      if (!IsQualifier(type.kind()) || !ids_->Spend(1).ok()) return id;
      id = type.size_or_type;
    }
    return 0;
  }

  bool IsImplicit(const Param& param) const {
    const TypeRecord& pointer = btf_.type(SkipQualifiers(param.type));
    if (pointer.kind() != Kind::kPtr) return false;
    const TypeRecord& target = btf_.type(SkipQualifiers(pointer.size_or_type));
    if (target.kind() != Kind::kStruct) return false;
    const absl::string_view name = btf_.string(target.name_off);
    return name == "bpf_prog_aux" || name == "btf_struct_meta";
  }

  bool FuncExists(absl::string_view name) {
    // 7.3 asks for the module's own functions only.
    if (steps_.kfuncs == KfuncSource::kDeclTags && btf_.base() != nullptr &&
        !btf_.base()->FindByName(Kind::kFunc, name).empty()) {
      return true;
    }
    return own_funcs_.Find(name) != 0;
  }

  absl::Status HideImplicitArgs(const Kfunc& kfunc) {
    if (btf_.type(kfunc.id).kind() != Kind::kFunc) {
      return absl::InvalidArgumentError(absl::StrCat(
          ".BTF: kfunc ", kfunc.name, " with implicit arguments is type ",
          kfunc.id, ", which is no function"));
    }
    if (kfunc.name.size() + kImplSuffix.size() >= kMaxNameBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          ".BTF: the name ", kfunc.name, kImplSuffix, " for kfunc ", kfunc.name,
          " is longer than 511 characters"));
    }
    const std::string impl_name = absl::StrCat(kfunc.name, kImplSuffix);
    const TypeId proto = ProtoOf(kfunc.id);
    Params params = ParamsOf(proto);
    size_t kept = 0;
    while (kept < params.size() && !IsImplicit(params[kept])) ++kept;
    RETURN_IF_ERROR(
        ids_->Spend(kParamSteps * params.size() + decl_tags_.size()));

    const bool exists = FuncExists(impl_name);
    // Done before, when this set was finalized: upstream would add the same
    // prototype once more.
    if (exists && kfunc.finalized && kept == params.size()) {
      return absl::OkStatus();
    }
    if (!exists) RETURN_IF_ERROR(AddImpl(kfunc, impl_name, proto));
    params.resize(kept);
    ASSIGN_OR_RETURN(const TypeId new_proto,
                     AddProto(btf_.type(proto).size_or_type, params));
    SetProto(kfunc.id, new_proto);
    return absl::OkStatus();
  }

  // A function that has the whole prototype, and the kfunc's other tags.
  absl::Status AddImpl(const Kfunc& kfunc, const std::string& name,
                       TypeId proto) {
    const uint32_t linkage = btf_.type(kfunc.id).vlen();
    if (linkage > kMaxLinkage) {
      return absl::InvalidArgumentError(absl::StrCat(
          ".BTF: kfunc ", kfunc.name, " has the unknown linkage ", linkage));
    }
    ASSIGN_OR_RETURN(const uint32_t name_off, AddName(name));
    const TypeId impl =
        btf_.AddType(name_off, MakeInfo(Kind::kFunc, linkage, false), proto, 0);
    own_funcs_.Add(name, impl);
    for (TypeId id : decl_tags_) {
      const TypeRecord& tag = btf_.type(id);
      if (tag.size_or_type != kfunc.id) continue;
      const absl::string_view text = btf_.string(tag.name_off);
      if (text == kKfuncTag) continue;
      const uint32_t component = tag.tail()[0];
      if (text.empty() || static_cast<int32_t>(component) < -1) {
        return absl::InvalidArgumentError(absl::StrCat(
            ".BTF: type ", id, ", a decl tag of kfunc ", kfunc.name,
            ", has no text or component ", static_cast<int32_t>(component)));
      }
      RETURN_IF_ERROR(AddDeclTag(text, impl, component, tag.kflag()).status());
    }
    return absl::OkStatus();
  }

  // ---- Arena pointers.

  bool IsArenaParam(const Kfunc& kfunc, const Param& param, size_t i) const {
    const absl::string_view name = btf_.string(param.name_off);
    if (absl::EndsWith(name, "__arena") ||
        absl::EndsWith(name, "__arena__nullable")) {
      return true;
    }
    return (i == 0 && (kfunc.flags & kKfArenaArg1) != 0) ||
           (i == 1 && (kfunc.flags & kKfArenaArg2) != 0);
  }

  // Whether a pointer to arena memory still has to be marked as one.
  absl::StatusOr<bool> LacksAttribute(const Kfunc& kfunc, TypeId id) const {
    // What a prototype returns may be any number: libbpf does not check it.
    if (id >= btf_.end_id() || btf_.type(id).kind() != Kind::kPtr) {
      return absl::InvalidArgumentError(
          absl::StrCat("ERROR: resolve_btfids: kfunc ", kfunc.name,
                       ": arena type is not a pointer"));
    }
    const TypeRecord& target = btf_.type(btf_.type(id).size_or_type);
    return target.kind() != Kind::kTypeTag || !target.kflag() ||
           btf_.string(target.name_off) != kArenaAttribute;
  }

  absl::StatusOr<TypeId> AddArenaPointer(TypeId pointer) {
    const TypeId target = btf_.type(pointer).size_or_type;
    ASSIGN_OR_RETURN(const uint32_t name, AddName(kArenaAttribute));
    const TypeId tag =
        btf_.AddType(name, MakeInfo(Kind::kTypeTag, 0, true), target, 0);
    return btf_.AddType(0, MakeInfo(Kind::kPtr, 0, false), tag, 0);
  }

  absl::Status TagArenaPointers(const Kfunc& kfunc) {
    const TypeId proto = ProtoOf(kfunc.id);
    const Params params = ParamsOf(proto);
    RETURN_IF_ERROR(ids_->Spend(kParamSteps * params.size()));
    TypeId return_type = btf_.type(proto).size_or_type;

    bool tag_return = false;
    if ((kfunc.flags & kKfArenaRet) != 0) {
      ASSIGN_OR_RETURN(tag_return, LacksAttribute(kfunc, return_type));
    }
    std::pmr::vector<uint32_t> to_tag(btf_.memory());
    for (uint32_t i = 0; i < params.size(); ++i) {
      if (!IsArenaParam(kfunc, params[i], i)) continue;
      ASSIGN_OR_RETURN(const bool lacks, LacksAttribute(kfunc, params[i].type));
      if (lacks) to_tag.push_back(i);
    }
    if (!tag_return && to_tag.empty()) return absl::OkStatus();

    if (tag_return) {
      ASSIGN_OR_RETURN(return_type, AddArenaPointer(return_type));
    }
    ASSIGN_OR_RETURN(const TypeId new_proto, AddProto(return_type, params));
    for (uint32_t i : to_tag) {
      ASSIGN_OR_RETURN(const TypeId pointer, AddArenaPointer(params[i].type));
      btf_.mutable_own_type(new_proto).tail()[2 * i + 1] = pointer;
    }
    SetProto(kfunc.id, new_proto);
    return absl::OkStatus();
  }

  const Steps& steps_;
  Btf& btf_;
  BtfIds* const ids_;
  OwnFuncs own_funcs_;
  std::pmr::vector<TypeId> decl_tags_;  // of base and split, ascending
  std::pmr::vector<std::pair<TypeId, TypeId>> base_protos_;  // FUNC -> proto
};

}  // namespace

absl::Status AnnotateKfuncs(const Steps& steps, Btf* btf, BtfIds* ids,
                            std::vector<std::string>* warnings) {
  if (steps.kfuncs == KfuncSource::kNone) return absl::OkStatus();
  return Annotator(steps, btf, ids).Run(warnings);
}

}  // namespace btfd::engine
