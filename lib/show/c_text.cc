// SPDX-License-Identifier: Apache-2.0
//
// libbpf gets base and own types as one BTF: with the ids and string offsets of
// a split BTF, that is its base's records and strings followed by its own.
#include "lib/show/c_text.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/engine/kfuncs.h"
#include "lib/show/c_check.h"
#include "lib/show/labels.h"
#include "lib/show/selection.h"
#include "lib/util/status_macros.h"

namespace btfd::show {

namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;

// In front of a TYPE_TAG's name: it is an attribute. No name that CCheck lets
// pass has it.
constexpr char kAttributeMark = '\x01';

constexpr absl::string_view kFastcallTag = "bpf_fastcall";

constexpr absl::string_view kTop = R"(#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

#ifndef __bpf_fastcall
#if __has_attribute(bpf_fastcall)
#define __bpf_fastcall __attribute__((bpf_fastcall))
#else
#define __bpf_fastcall
#endif
#endif

)";
constexpr absl::string_view kBottom = R"(
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif
)";

struct FreeBtf {
  void operator()(struct btf* btf) const { btf__free(btf); }
};
struct FreeDump {
  void operator()(struct btf_dump* dump) const { btf_dump__free(dump); }
};
using LibbpfBtf = std::unique_ptr<struct btf, FreeBtf>;
using LibbpfDump = std::unique_ptr<struct btf_dump, FreeDump>;

absl::Status LibbpfError(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(
      "libbpf ", what, ": ", strerror(error < 0 ? -error : error)));
}

bool IsKnown(const TypeRecord& type) {
  return type.kind_number() != 0 && type.kind_number() <= btf::kMaxKnownKind;
}

// The whole id space as one classic BTF.
class Translation {
 public:
  explicit Translation(const Btf& btf) : btf_(btf) {}

  std::string Take() {
    const btf::TypeTable& base = btf_.parent();
    strings_.assign(base.strings, base.str_len);
    absl::StrAppend(&strings_, btf_.own_strings());
    for (TypeId id = 1; id < btf_.end_id(); ++id) {
      AddType(btf_.type(id),
              id < base.end ? base.type_words(id) : btf_.own_type_words(id));
    }
    struct {
      uint16_t magic = btf::kMagic;
      uint8_t version = btf::kVersion;
      uint8_t flags = 0;
      uint32_t header_size = btf::kClassicHeaderSize;
      uint32_t type_offset = 0;
      uint32_t type_size;
      uint32_t string_offset;
      uint32_t string_size;
    } header;
    header.type_size = header.string_offset =
        static_cast<uint32_t>(words_.size() * sizeof(uint32_t));
    header.string_size = static_cast<uint32_t>(strings_.size());
    std::string raw(reinterpret_cast<const char*>(&header), sizeof(header));
    raw.append(reinterpret_cast<const char*>(words_.data()), header.type_size);
    raw += strings_;
    return raw;
  }

 private:
  void AddType(const TypeRecord& type, uint32_t words) {
    if (!IsKnown(type) || type.vlen() > CCheck::kMaxVlen) {
      // Holds the place; CCheck has seen that nobody uses it.
      words_.insert(words_.end(), {0, MakeInfo(Kind::kFwd, 0, false), 0});
      return;
    }
    const uint32_t* const record = reinterpret_cast<const uint32_t*>(&type);
    const size_t start = words_.size();
    words_.insert(words_.end(), record, record + words);
    if (type.kind() == Kind::kTypeTag && type.kflag()) {
      words_[start] = static_cast<uint32_t>(strings_.size());
      absl::StrAppend(&strings_, std::string(1, kAttributeMark),
                      btf_.string(type.name_off), std::string(1, '\0'));
      words_[start + 1] = MakeInfo(Kind::kTypeTag, 0, false);
    }
  }

  const Btf& btf_;
  std::vector<uint32_t> words_;
  std::string strings_;
};

// What libbpf prints, with attributes as such, and (void) where it says ().
void Print(void* context, const char* format, va_list arguments) {
  std::string* const out = static_cast<std::string*>(context);
  va_list again;
  va_copy(again, arguments);
  const int size = vsnprintf(nullptr, 0, format, arguments);
  if (size > 0) {
    const size_t start = out->size();
    out->resize(start + size + 1);  // the NUL as well
    vsnprintf(&(*out)[start], size + 1, format, again);
    out->pop_back();
    // ` __attribute__((btf_type_tag("MARK...")))` comes in one piece.
    if (absl::EndsWith(*out, "()")) out->insert(out->size() - 1, "void");
    const size_t mark = out->find(kAttributeMark, start);
    if (mark != std::string::npos) {
      constexpr absl::string_view kTag = "btf_type_tag(\"";
      out->erase(mark - kTag.size(), kTag.size() + 1);
      const size_t end = out->rfind("\")");
      out->erase(end, 2);
    }
  }
  va_end(again);
}

class Writer {
 public:
  Writer(const Btf& btf, util::WorkBudget* work, std::string* out)
      : btf_(btf), work_(work), check_(btf, work), out_(out) {}

  absl::Status Start() {
    const std::string raw = Translation(btf_).Take();
    libbpf_set_print(nullptr);
    libbpf_btf_.reset(btf__new(raw.data(), raw.size()));
    if (libbpf_btf_ == nullptr) return LibbpfError("cannot read it", errno);
    dump_.reset(btf_dump__new(libbpf_btf_.get(), Print, out_, nullptr));
    if (dump_ == nullptr) return LibbpfError("cannot write it as C", errno);
    return absl::OkStatus();
  }

  // The definitions that stand for a type, and those that it needs.
  absl::Status Define(TypeId id) {
    RETURN_IF_ERROR(check_.Check(id));
    const int error = btf_dump__dump_type(dump_.get(), id);
    if (error != 0) return LibbpfError("cannot write a type as C", error);
    return absl::OkStatus();
  }

  // "PREFIX T NAME", where T is a type and stands where C wants it.
  absl::Status Declare(absl::string_view prefix, TypeId type, const char* name,
                       absl::string_view suffix) {
    RETURN_IF_ERROR(DeclareNeeded(type));
    // That of a FUNC or VAR is not checked yet.
    if (!IsCIdentifier(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " is a name that C cannot spell"));
    }
    return WriteDeclaration(prefix, type, name, suffix);
  }

  // From now on nothing has to be declared for the sake of own types.
  void OwnAreDefined() { own_are_defined_ = true; }

 private:
  absl::Status WriteDeclaration(absl::string_view prefix, TypeId type,
                                const char* name, absl::string_view suffix) {
    absl::StrAppend(out_, prefix);
    LIBBPF_OPTS(btf_dump_emit_type_decl_opts, options, .field_name = name);
    const int error = btf_dump__emit_type_decl(dump_.get(), type, &options);
    if (error != 0) return LibbpfError("cannot write a type as C", error);
    absl::StrAppend(out_, suffix);
    return absl::OkStatus();
  }

  // A struct that a prototype is the first to name would be known there alone,
  // and libbpf defines no typedef of which only a pointer is needed.
  absl::Status DeclareNeeded(TypeId type) {
    // The walk has a byte for each type.
    work_->Spend(btf_.end_id() / 8);
    RETURN_IF_ERROR(work_->Check());
    ASSIGN_OR_RETURN(const std::vector<ShownType> needed,
                     WithNeeded(btf_, {type}));
    for (const ShownType& shown : needed) {
      if (own_are_defined_ && btf_.is_own(shown.id)) continue;
      if (shown.declared_only) {
        if (!declared_.insert(shown.id).second) continue;
        RETURN_IF_ERROR(WriteDeclaration("", shown.id, "", ";\n\n"));
      } else if (btf_.type(shown.id).kind() == Kind::kTypedef) {
        RETURN_IF_ERROR(Define(shown.id));
      }
    }
    return absl::OkStatus();
  }

  const Btf& btf_;
  util::WorkBudget* const work_;
  CCheck check_;
  std::string* const out_;
  bool own_are_defined_ = false;
  std::set<TypeId> declared_;
  LibbpfBtf libbpf_btf_;
  LibbpfDump dump_;
};

// The FUNCs that a DECL_TAG calls `tag`, by name, each name once.
std::map<absl::string_view, TypeId> TaggedFuncs(const Btf& btf,
                                                absl::string_view tag) {
  std::map<absl::string_view, TypeId> funcs;
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    const TypeRecord& type = btf.own_type(id);
    if (type.kind() != Kind::kDeclTag ||
        static_cast<int32_t>(type.tail()[0]) != -1 ||
        btf.string(type.name_off) != tag) {
      continue;
    }
    const TypeId target = type.size_or_type;
    if (btf.type(target).kind() == Kind::kFunc) {
      funcs.insert({btf.name(target), target});
    }
  }
  return funcs;
}

// Declares the functions that BPF programs may call.
absl::Status DeclareKfuncs(const Btf& btf, Writer* writer, std::string* out) {
  const auto fastcalls = TaggedFuncs(btf, kFastcallTag);
  absl::StrAppend(out, "#ifndef BPF_NO_KFUNC_PROTOTYPES\n");
  for (const auto& [name, id] : TaggedFuncs(btf, engine::kKfuncTag)) {
    const TypeId proto = btf.type(id).size_or_type;
    const char* const prefix =
        fastcalls.count(name) != 0 ? "extern __bpf_fastcall " : "extern ";
    RETURN_IF_ERROR(writer->Define(proto));
    RETURN_IF_ERROR(
        writer->Declare(prefix, proto, btf.name(id), " __weak __ksym;\n"));
  }
  absl::StrAppend(out, "#endif\n");
  return absl::OkStatus();
}

// "extern T NAME;" for a FUNC or VAR.
absl::Status DeclareExtern(const Btf& btf, TypeId id, Writer* writer) {
  const TypeRecord& type = btf.type(id);
  RETURN_IF_ERROR(writer->Define(type.size_or_type));
  return writer->Declare("extern ", type.size_or_type,
                         btf.string(type.name_off), ";\n\n");
}

absl::Status DefineRoot(const Btf& btf, TypeId id, Writer* writer) {
  const TypeRecord& type = btf.type(id);
  switch (type.kind()) {
    case Kind::kFunc:
    case Kind::kVar:
      return DeclareExtern(btf, id, writer);
    case Kind::kDatasec:
      for (const btf::SectionVar& var : type.section_vars()) {
        if (btf.type(var.type).kind() != Kind::kVar) continue;
        RETURN_IF_ERROR(DeclareExtern(btf, var.type, writer));
      }
      return absl::OkStatus();
    case Kind::kDeclTag:  // says something of a type, and is none
      return absl::OkStatus();
    case Kind::kEnum:
    case Kind::kEnum64:
      return writer->Define(id);
    default:
      RETURN_IF_ERROR(writer->Define(id));
      if (type.name_off != 0 && type.kind() != Kind::kTypeTag) {
        return absl::OkStatus();
      }
      return writer->Declare("typedef ", id, absl::StrCat("type_", id).c_str(),
                             ";\n\n");
  }
}

}  // namespace

absl::Status AppendC(const Btf& btf, util::WorkBudget* work, std::string* out) {
  Writer writer(btf, work, out);
  RETURN_IF_ERROR(writer.Start());
  absl::StrAppend(out, kTop);
  for (TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    const TypeRecord& type = btf.own_type(id);
    if (!IsKnown(type)) {
      absl::StrAppend(out, "/* type ", id, " is of kind ", type.kind_number(),
                      ", for which C has no words */\n\n");
      continue;
    }
    switch (type.kind()) {
      case Kind::kFunc:
      case Kind::kVar:
      case Kind::kDatasec:
      case Kind::kDeclTag:
        break;
      default:
        RETURN_IF_ERROR(writer.Define(id));
    }
  }
  writer.OwnAreDefined();
  RETURN_IF_ERROR(DeclareKfuncs(btf, &writer, out));
  absl::StrAppend(out, kBottom);
  return absl::OkStatus();
}

absl::Status AppendC(const Btf& btf, absl::Span<const TypeId> roots,
                     util::WorkBudget* work, std::string* out) {
  Writer writer(btf, work, out);
  RETURN_IF_ERROR(writer.Start());
  absl::StrAppend(out, kTop);
  for (const TypeId root : roots) {
    RETURN_IF_ERROR(DefineRoot(btf, root, &writer));
  }
  absl::StrAppend(out, kBottom);
  return absl::OkStatus();
}

}  // namespace btfd::show
