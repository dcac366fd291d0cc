// SPDX-License-Identifier: Apache-2.0
#include "tests/qemu/variants.h"

#include <cstring>
#include <functional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_writer.h"
#include "lib/engine/testing/kernel_rules.h"
#include "lib/util/status_macros.h"
#include "tests/support/process.h"

namespace btfd::tests {

namespace {

using btf::Kind;
using btf::MakeInfo;
using btf::TypeId;
using btf::testing::BlobForm;
using btf::testing::BtfBuilder;
using btf::testing::LayoutEntry;
using btf::testing::StandardLayout;

// A split over vmlinux with an INT, and with what `add` adds.
Variant Over(const btf::Base& vmlinux, std::string label,
             const std::function<void(BtfBuilder*)>& add) {
  BtfBuilder b(vmlinux);
  b.Int("int", 4);
  add(&b);
  return {std::move(label), b.Build(), ""};
}

void AddForms(const btf::Base& vmlinux, std::vector<Variant>* all) {
  const std::pair<const char*, std::function<void(BlobForm*)>> forms[] = {
      {"nothing special", [](BlobForm*) {}},
      {"version 2", [](BlobForm* f) { f->version = 2; }},
      {"flags 1", [](BlobForm* f) { f->flags = 1; }},
      {"header of 32", [](BlobForm* f) { f->hdr_len = 32; }},
      {"header of 40", [](BlobForm* f) { f->hdr_len = 40; }},
      {"content behind the header",
       [](BlobForm* f) {
         f->hdr_len = 40;
         f->header_extra = "\1";
       }},
      {"layout",
       [](BlobForm* f) {
         f->hdr_len = 32;
         f->layout = StandardLayout();
       }},
      {"gap before the types", [](BlobForm* f) { f->type_gap = 4; }},
      {"gap before the strings", [](BlobForm* f) { f->string_gap = 4; }},
      {"gap before the layout",
       [](BlobForm* f) {
         f->hdr_len = 32;
         f->layout = StandardLayout();
         f->layout_gap = 4;
       }},
      {"bytes behind the strings",
       [](BlobForm* f) { f->trailing = std::string(4, '\0'); }},
      {"big-endian", [](BlobForm* f) { f->big_endian = true; }},
  };
  for (const auto& [label, change] : forms) {
    const auto& form = change;
    all->push_back(
        Over(vmlinux, label, [&](BtfBuilder* b) { form(&b->form()); }));
  }
  all->push_back(Over(vmlinux, "a kind of the layout's", [](BtfBuilder* b) {
    b->Raw("", 20u << 24, 0);
    b->form().hdr_len = 32;
    b->form().layout = StandardLayout() + LayoutEntry(0, 0);
  }));
}

void AddChain(BtfBuilder* b, int links) {
  for (int i = 0; i < links; ++i) {
    b->Typedef("t", i + 1 == links ? b->first_id() : b->next_id() + 1);
  }
}

void AddChains(const btf::Base& vmlinux, std::vector<Variant>* all) {
  for (int links : {32, 33}) {
    all->push_back(Over(vmlinux, absl::StrCat("a chain of ", links),
                        [=](BtfBuilder* b) { AddChain(b, links); }));
  }
  all->push_back(Over(vmlinux, "a chain backwards", [](BtfBuilder* b) {
    for (int i = 0; i < 100; ++i) b->Typedef("t", b->next_id() - 1);
  }));
  all->push_back(Over(vmlinux, "a cycle", [](BtfBuilder* b) {
    b->Const(b->next_id() + 1);
    b->Volatile(b->next_id() - 1);
  }));
  all->push_back(Over(vmlinux, "a cycle through a pointer", [](BtfBuilder* b) {
    b->Ptr(b->next_id() + 1);
    b->Typedef("list", b->next_id() - 1);
  }));
  all->push_back(Over(vmlinux, "a type tag first", [](BtfBuilder* b) {
    b->TypeTag("user", b->Const(b->first_id()));
  }));
  all->push_back(Over(vmlinux, "a type tag behind const", [](BtfBuilder* b) {
    b->Const(b->TypeTag("user", b->first_id()));
  }));
  all->push_back(Over(
      vmlinux, "type tags behind each other",
      [](BtfBuilder* b) { b->TypeTag("a", b->TypeTag("b", b->first_id())); }));
  for (bool attribute : {false, true}) {
    all->push_back(Over(
        vmlinux, absl::StrCat("type attribute ", attribute),
        [=](BtfBuilder* b) { b->TypeTag("user", b->first_id(), attribute); }));
    all->push_back(Over(vmlinux, absl::StrCat("decl attribute ", attribute),
                        [=](BtfBuilder* b) {
                          b->DeclTag("fast", b->Struct("s", 4), -1, attribute);
                        }));
  }
  all->push_back(Over(vmlinux, "65,536 members", [](BtfBuilder* b) {
    b->Union(
        "u", 4,
        std::vector<btf::testing::MemberSpec>(0x10000, {"m", b->first_id()}));
  }));
}

uint32_t SizeIn(const btf::Base& vmlinux, const char* name) {
  for (TypeId id : vmlinux.FindRelocatable(name)) {
    if (vmlinux.type(id).kind() == Kind::kStruct) {
      return vmlinux.type(id).size_or_type;
    }
  }
  return 0;
}

// Adds types as they are in a module's .BTF.base.
void AddDistilledTypes(const btf::Base& vmlinux, BtfBuilder* base) {
  base->Int("int", 4);
  base->Struct("list_head", SizeIn(vmlinux, "list_head"));
  base->Struct("task_struct", SizeIn(vmlinux, "task_struct"));
  base->Struct("module", SizeIn(vmlinux, "module"));
}

// Adds a type of each kind. `integer` and `list` may be types of any base.
void AddOfEachKind(TypeId integer, TypeId list, BtfBuilder* b) {
  const TypeId byte = b->Int("my_byte", 1, BtfBuilder::kChar);
  b->Float("my_double", 8);
  const TypeId array = b->Array(byte, integer, 16);
  const TypeId fwd = b->Fwd("my_fwd");
  const TypeId pointer = b->Ptr(b->Const(b->Volatile(fwd)));
  const TypeId type = b->Typedef("my_array_t", array);
  const TypeId shape = b->Struct(
      "my_struct", 40,
      {{"list", list, 0}, {"text", type, 128}, {"next", pointer, 256}});
  b->Struct("my_bits", 4, {{"low", integer, 0, 3}, {"high", integer, 3, 29}});
  b->Union("my_union", 16, {{"number", integer, 0}, {"bytes", array, 0}});
  b->Enum("my_enum", 4, {{"MY_A", 0}, {"MY_B", 1}, {"MY_C", -1}});
  b->Enum64("my_enum64", 8, {{"MY_LONG", 1}, {"MY_LONGER", 2}});
  const TypeId user = b->Ptr(b->TypeTag("user", shape));
  const TypeId proto = b->Proto(b->Restrict(user),
                                {{"shape", b->Ptr(shape)}, {"count", integer}});
  const TypeId function = b->Func("my_function", proto, 1);
  const TypeId variable = b->Var("my_variable", shape, 0);
  b->Datasec(".data..percpu", 64, {{variable, 0, 40}, {variable, 40, 8}});
  b->DeclTag("kfunc", function);
  b->DeclTag("second", shape, 1);
  b->DeclTag("argument", function, 0);
}

uint32_t Word(const std::string& bytes, size_t at) {
  uint32_t word;
  memcpy(&word, &bytes[at], sizeof(word));
  return word;
}

// Changes one field of a blob that has a header of 24 bytes and no gaps.
std::string Mutate(std::string* blob, std::mt19937* random) {
  const auto below = [&](size_t n) { return (*random)() % n; };
  constexpr size_t kHeader = btf::kClassicHeaderSize;
  const size_t type_len = Word(*blob, offsetof(btf::Header, type_len));
  const size_t place = below(10);
  if (place == 0) {
    const size_t at = below(kHeader);
    (*blob)[at] ^= 1 << below(8);
    return absl::StrCat("header byte ", at);
  }
  if (place == 1) {
    const size_t at =
        kHeader + type_len + below(blob->size() - kHeader - type_len);
    (*blob)[at] ^= 1 << below(8);
    return absl::StrCat("string byte ", at);
  }
  const size_t at = kHeader + 4 * below(type_len / 4);
  const uint32_t old = Word(*blob, at);
  const uint32_t other = Word(*blob, kHeader + 4 * below(type_len / 4));
  const uint32_t choices[] = {old ^ (1u << below(32)),
                              old ^ (1u << below(8)),
                              old + 1,
                              old - 1,
                              0,
                              old ^ (1u << 31),
                              other,
                              old ^ (static_cast<uint32_t>(below(32)) << 24)};
  const uint32_t now = choices[below(std::size(choices))];
  memcpy(&(*blob)[at], &now, sizeof(now));
  return absl::StrCat("word at ", at, " from 0x", absl::Hex(old), " to 0x",
                      absl::Hex(now));
}

}  // namespace

std::vector<Variant> RuleVariants(const btf::Base& vmlinux) {
  std::vector<Variant> all;
  for (const auto& rule : engine::testing::AllKernelRules()) {
    all.push_back(Over(vmlinux, rule.name + " refused", rule.refused));
    all.push_back(Over(vmlinux, rule.name + " taken", rule.taken));
  }
  AddForms(vmlinux, &all);
  AddChains(vmlinux, &all);
  return all;
}

std::vector<Variant> DistilledVariants(const btf::Base& vmlinux) {
  std::vector<Variant> all;
  const auto add = [&](std::string label, TypeId embedded,
                       const std::function<void(BtfBuilder*)>& change) {
    BtfBuilder base;
    AddDistilledTypes(vmlinux, &base);
    change(&base);
    BtfBuilder split(base);
    split.Struct("my_struct", 4096, {{"a", embedded, 0}});
    all.push_back({std::move(label), split.Build(), base.Build()});
  };
  const auto resize = [](TypeId id) {
    return [id](BtfBuilder* b) { b->type(id).size_or_type += 8; };
  };
  add("distilled", 2, [](BtfBuilder*) {});
  add("embedded, of another size", 2, resize(2));
  add("not embedded, of another size", 2, resize(3));
  add("a type that is not there", 2,
      [](BtfBuilder* b) { b->Struct("no_such_struct_anywhere", 4); });
  add("a pointer in the base", 2, [](BtfBuilder* b) { b->Ptr(1); });
  add("a type without a name", 2, [](BtfBuilder* b) { b->Struct("", 4); });
  add("an enum of three bytes", 2,
      [](BtfBuilder* b) { b->Enum("bpf_type", 3); });
  add("a name with a space", 2,
      [](BtfBuilder* b) { b->Struct("task struct", 4); });
  add("a forward", 2, [](BtfBuilder* b) { b->Fwd("pid"); });
  add("the base has a gap", 2, [](BtfBuilder* b) { b->form().string_gap = 4; });
  add("the base's header has flags", 2,
      [](BtfBuilder* b) { b->form().flags = 2; });
  const BtfBuilder empty;
  BtfBuilder split(empty);
  all.push_back({"no types at all", split.Build(), empty.Build()});
  const TypeId lonely = split.Struct("my_struct", 8);
  all.push_back({"a base without types", split.Build(), empty.Build()});
  split.Ptr(lonely);
  split.Ptr(0);
  all.push_back(
      {"a base without types, and references", split.Build(), empty.Build()});
  return all;
}

std::vector<Variant> Mutations(const btf::Base& vmlinux, uint32_t seed,
                               int in_tree, int distilled) {
  std::mt19937 random(seed);
  std::vector<Variant> all;
  BtfBuilder own(vmlinux);
  AddOfEachKind(1, 2, &own);
  for (int i = 0; i < in_tree; ++i) {
    Variant variant{"", own.Build(), ""};
    variant.label = Mutate(&variant.btf, &random);
    all.push_back(std::move(variant));
  }
  BtfBuilder base;
  AddDistilledTypes(vmlinux, &base);
  BtfBuilder split(base);
  AddOfEachKind(1, 2, &split);
  for (int i = 0; i < distilled; ++i) {
    Variant variant{"", split.Build(), base.Build()};
    const bool of_base = i % 2 == 0;
    variant.label = absl::StrCat(
        of_base ? ".BTF.base " : "distilled ",
        Mutate(of_base ? &variant.distilled_base : &variant.btf, &random));
    all.push_back(std::move(variant));
  }
  return all;
}

absl::Status WriteVariant(const Variant& variant, const std::string& carrier,
                          const std::string& old_name, const std::string& name,
                          const std::string& path) {
  {
    ASSIGN_OR_RETURN(const elf::ModuleFile module,
                     elf::ModuleFile::Open(carrier));
    std::vector<elf::SectionEdit> edits = {{elf::kBtf, variant.btf}};
    if (!variant.distilled_base.empty()) {
      edits.push_back({elf::kBtfBase, variant.distilled_base});
    }
    if (!variant.ids.empty()) edits.push_back({elf::kBtfIds, variant.ids});
    elf::WriteOptions options;
    options.drop_signature = true;
    options.output = path;
    RETURN_IF_ERROR(elf::WriteModule(module, edits, options).status());
  }
  std::string bytes = ReadFileOrEmpty(path);
  ASSIGN_OR_RETURN(const elf::ModuleFile module, elf::ModuleFile::Open(path));
  for (uint32_t i = 0; i < module.section_count(); ++i) {
    const elf::Section section = module.section(i);
    // The kernel's struct module, which contains the name.
    if (section.name != ".gnu.linkonce.this_module") continue;
    const size_t at = section.content.find(old_name);
    if (at == absl::string_view::npos) break;
    std::string padded = name;
    padded.resize(old_name.size(), '\0');
    bytes.replace(section.header.sh_offset + at, padded.size(), padded);
    WriteFile(path, bytes);
    return absl::OkStatus();
  }
  return absl::NotFoundError(
      absl::StrCat(carrier, " is not called ", old_name));
}

}  // namespace btfd::tests
