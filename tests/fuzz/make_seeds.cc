// SPDX-License-Identifier: Apache-2.0
//
// Writes the seeds of a fuzz corpus: small well-formed inputs with every kind
// of type, split over a base, with ids and kfuncs. So the fuzzers start behind
// the first checks.
//
//   make_seeds CORPUS_DIRECTORY
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/remote_cache/packed_index.h"
#include "daemon/remote_cache/result.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/testing/builder.h"
#include "lib/core/relocation.h"
#include "lib/core/testing/program_builder.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;

std::string Short(uint16_t value) {
  return {static_cast<char>(value & 0xff), static_cast<char>(value >> 8)};
}

// Fills a base with types of every kind.
void FillBase(BtfBuilder* base) {
  const TypeId number = base->Int("int", 4);
  const TypeId character = base->Int("char", 1, BtfBuilder::kChar);
  base->Float("double", 8);
  const TypeId list = base->next_id() + 1;
  base->Ptr(list);
  base->Struct("list_head", 16,
               {{"next", list - 1, 0}, {"prev", list - 1, 64}});
  base->Fwd("opaque");
  base->Enum("state", 4, {{"OFF", 0}, {"ON", 1}});
  base->Enum64("wide", 8, {{"MANY", int64_t{1} << 40}});
  const TypeId array = base->Array(character, number, 16);
  base->Typedef("name_t", array);
  base->Const(number);
  base->Volatile(number);
  base->Restrict(list - 1);
  const TypeId proto = base->Proto(number, {{"arg", list - 1}});
  const TypeId func = base->Func("do_it", proto);
  base->DeclTag("bpf_kfunc", func);
  base->TypeTag("user", number);
  const TypeId var = base->Var("counter", number);
  base->Datasec(".data", 4, {{var, 0, 4}});
  base->Union("both", 8, {{"i", number, 0}, {"l", list - 1, 0}});
  base->Struct("bits", 4, {{"low", number, 0, 3}, {"high", number, 3, 5}});
  base->Struct("bpf_prog_aux", 8, {{"x", number, 0}});
}

// Fills a split that repeats some types of the base, refers to some and adds
// others.
void FillSplit(BtfBuilder* split) {
  const TypeId number = split->Int("int", 4);
  const TypeId list = split->Struct(
      "list_head", 16,
      {{"next", split->next_id() + 1, 0}, {"prev", split->next_id() + 1, 64}});
  const TypeId pointer = split->Ptr(list);
  split->Fwd("mine");
  const TypeId mine =
      split->Struct("mine", 24, {{"list", list, 0}, {"count", number, 128}});
  split->Struct("", 8, {{"next", pointer, 0}});
  split->Enum("", 4, {{"A", 0}, {"B", 1}});
  split->Enum("state", 4);
  const TypeId aux = split->Ptr(22);
  const TypeId arena = split->Ptr(mine);
  const TypeId proto = split->Proto(
      number, {{"list", pointer}, {"map__arena", arena}, {"aux", aux}});
  const TypeId func = split->Func("kf", proto);
  split->DeclTag("bpf_kfunc", func);
  split->DeclTag("other", func, 0, true);
  split->Typedef("mine_t", mine);
  split->Const(2);
  split->TypeTag("rcu", mine, true);
}

std::string IdsPart(uint32_t flags, bool resolved) {
  std::string content(16, '\0');
  content[4] = 1;  // BTF_SET8_KFUNCS
  content[12] = static_cast<char>(flags & 0xff);
  content[13] = static_cast<char>(flags >> 8);
  content[14] = static_cast<char>(flags >> 16);
  if (resolved) content[0] = 1, content[8] = 34;
  std::string part = FramedPart(content + std::string(4, '\0'));
  part += std::string(1, '\0');  // native, at address 0
  part += std::string(1, '\3');  // three symbols
  part += FramedPart("set8__kset") + Short(0) + Short(16);
  part += FramedPart("func__kf__1") + Short(8) + Short(4);
  part += FramedPart("struct__mine__2") + Short(16) + Short(4);
  return part;
}

class Writer {
 public:
  explicit Writer(std::string directory) : directory_(std::move(directory)) {}
  void Write(const std::string& fuzzer, const std::string& content) {
    const std::string directory = absl::StrCat(directory_, "/", fuzzer);
    std::filesystem::create_directories(directory);
    std::ofstream(absl::StrCat(directory, "/seed-", ++count_), std::ios::binary)
        << content;
  }

 private:
  const std::string directory_;
  int count_ = 0;
};

// Writes results: outputs that are inlined or must be fetched, and warnings.
void WriteRemoteResults(Writer* writer) {
  v1::FinalizeResponse response;
  response.set_btf("result");
  response.set_btf_base("base");
  response.set_btf_ids("");
  response.set_types_in(9);
  response.set_types_out(4);
  for (const size_t warnings : {0, 1, 300}) {
    while (response.warnings_size() < static_cast<int>(warnings)) {
      response.add_warnings("WARN: resolve_btfids: unresolved symbol");
    }
    std::vector<daemon::remote::OwnedBlob> blobs;
    auto result = daemon::remote::EncodeResult(response, &blobs);
    std::string fetched;
    for (const auto& blob : blobs) fetched += FramedPart(blob.bytes);
    writer->Write("remote_result", std::string(1, '\0') +
                                       FramedPart(result.SerializeAsString()) +
                                       fetched);
    for (int i = 0; i < result.output_files_size(); ++i) {
      result.mutable_output_files(i)->set_contents(
          blobs[static_cast<size_t>(i)].bytes);
    }
    for (const char what : {'\0', '\2'}) {
      writer->Write(
          "remote_result",
          std::string(1, what) + FramedPart(result.SerializeAsString()));
    }
  }
}

// Writes the indexes of a base in the format in which they travel.
void WriteRemoteIndexes(const std::string& raw, Writer* writer) {
  const auto base = btf::Base::Build(raw);
  if (!base.ok()) return;
  const auto dedup = btf::DedupIndex::Build(**base);
  if (!dedup.ok()) return;
  std::string seed = "\1";
  for (const absl::string_view index : {(*base)->blob(), (*dedup)->blob()}) {
    for (const std::string& part : daemon::remote::PackIndex(index)) {
      seed += FramedPart(part);
    }
  }
  writer->Write("remote_result", seed);
}

// Asks for the types of the base and the split, by each kind of question.
void FillProgram(core::testing::ProgramBuilder* program) {
  using core::RelocationKind;
  FillBase(&program->types);
  const TypeId mine =
      program->types.Struct("mine___x", 8, {{"count", 1, 0}, {"list", 4, 32}});
  const auto ask = [&](TypeId type, const char* access, RelocationKind kind) {
    program->Relocate(type, access, kind);
  };
  ask(4, "0:0", RelocationKind::kFieldByteOffset);
  ask(4, "0:1", RelocationKind::kFieldExists);
  ask(mine, "0:0", RelocationKind::kFieldByteSize);
  for (const auto kind :
       {RelocationKind::kFieldByteOffset, RelocationKind::kFieldSigned,
        RelocationKind::kFieldLeftShift, RelocationKind::kFieldRightShift}) {
    ask(20, "0:1", kind);
  }
  for (const TypeId type : {1, 2, 3, 4, 5, 6, 7, 9, 13, 14, 17, 18, 19, 20}) {
    ask(type, "0", RelocationKind::kTypeExists);
    ask(type, "0", RelocationKind::kTypeMatches);
  }
  ask(mine, "0", RelocationKind::kTypeSize);
  ask(mine, "0", RelocationKind::kTypeIdTarget);
  ask(mine, "0", RelocationKind::kTypeIdLocal);
  ask(6, "1", RelocationKind::kEnumValue);
  ask(7, "0", RelocationKind::kEnumValueExists);
}

void WriteMinCoreSeeds(const std::string& both, bool big_endian,
                       Writer* writer) {
  core::testing::ProgramBuilder all;
  all.types.form().big_endian = big_endian;
  FillProgram(&all);
  writer->Write("min_core",
                both + FramedPart(all.types.Build()) + FramedPart(all.Ext()));
  // One relocation each: one that fails does not hide the others.
  for (uint32_t kind = 0; kind < core::kRelocationKinds; ++kind) {
    for (const TypeId type : {4, 5, 6, 9, 19, 20}) {
      core::testing::ProgramBuilder one;
      one.types.form().big_endian = big_endian;
      FillBase(&one.types);
      const auto question = static_cast<core::RelocationKind>(kind);
      const char* access = core::IsAboutField(question)  ? "0:1"
                           : core::IsAboutType(question) ? "0"
                                                         : "1";
      one.Relocate(type, access, question);
      writer->Write("min_core", both + FramedPart(one.types.Build()) +
                                    FramedPart(one.Ext()));
    }
  }
}

void WriteSeeds(Writer* writer) {
  WriteRemoteResults(writer);
  for (const bool big_endian : {false, true}) {
    for (const uint32_t hdr_len : {24u, 32u}) {
      BtfBuilder base;
      base.form().big_endian = big_endian;
      base.form().hdr_len = hdr_len;
      if (hdr_len == 32) base.form().layout = btf::testing::StandardLayout();
      FillBase(&base);
      BtfBuilder split(base);
      split.form() = base.form();
      split.form().layout.clear();
      FillSplit(&split);
      const std::string both =
          FramedPart(base.Build()) + FramedPart(split.Build());
      WriteMinCoreSeeds(both, big_endian, writer);
      writer->Write("btf_parse", both);
      writer->Write("show", both + FramedPart(split.Build()));
      writer->Write("base_load", both);
      WriteRemoteIndexes(base.Build(), writer);
      writer->Write("base_load", both + std::string("\0\x10\x00\x01", 4) +
                                     std::string("\1\x40\x01\xff", 4));
      // Each profile, with and without dedup, distilling and following resolved
      // ids; and the kernel check alone.
      for (const uint16_t bits : {0x0040, 0x2045, 0x2065, 0x205e, 0x207e,
                                  0x287e, 0x3065, 0x2000, 0x6080}) {
        for (const uint32_t flags : {0u, 0x10000u, 0x1f000u}) {
          writer->Write("finalize", Short(bits) + both + FramedPart("") +
                                        IdsPart(flags, bits & 0x800));
        }
      }
      writer->Write("finalize", Short(0x0740) + FramedPart(base.Build()) +
                                    FramedPart(base.Build()));
    }
  }
  for (const bool is_64bit : {false, true}) {
    for (const bool big_endian : {false, true}) {
      for (const bool extended : {false, true}) {
        elf::ElfBuilder elf({is_64bit, big_endian});
        if (extended) elf.UseExtendedNumbering();
        BtfBuilder btf;
        FillBase(&btf);
        elf.AddSection(".BTF", btf.Build());
        const uint32_t ids = elf.AddSection(".BTF_ids", std::string(8, '\0'));
        elf.AddSymbol("__BTF_ID__func__kf__1", ids, 0, 4);
        elf.AddSymbol("__BTF_ID__set8__kset", ids, 0, 8);
        const std::string object = elf.Build();
        writer->Write("elf_read", object);
        writer->Write("elf_read", object + std::string(12, '\0') +
                                      "~Module signature appended~\n");
      }
    }
  }
}

}  // namespace
}  // namespace btfd::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_seeds CORPUS_DIRECTORY\n";
    return 2;
  }
  btfd::fuzz::Writer writer(argv[1]);
  btfd::fuzz::WriteSeeds(&writer);
  return 0;
}
