// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/module_file.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/process.h"

namespace btfd::elf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char kBtfBytes[] = "\x9f\xeb\x01 the rest";

ModuleFile MustRead(const std::string& bytes) {
  auto file = ModuleFile::FromBytes({}, util::FileBytes::Copy(bytes), "m.ko");
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

absl::Status ReadStatus(const std::string& bytes) {
  return ModuleFile::FromBytes({}, util::FileBytes::Copy(bytes), "m.ko")
      .status();
}

void ExpectInvalid(const absl::Status& status, const std::string& words) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(words));
}

std::vector<std::string> Names(const std::vector<IdSymbol>& symbols) {
  std::vector<std::string> names;
  for (const IdSymbol& symbol : symbols) names.emplace_back(symbol.name);
  return names;
}

// Overwrites bytes of a file, for its defects.
template <typename T>
void Poke(std::string* file, size_t offset, T value) {
  file->replace(offset, sizeof(value), reinterpret_cast<const char*>(&value),
                sizeof(value));
}

class EveryElfForm : public ::testing::TestWithParam<ElfForm> {};

INSTANTIATE_TEST_SUITE_P(
    ModuleFile, EveryElfForm,
    ::testing::Values(ElfForm{true, false}, ElfForm{true, true},
                      ElfForm{false, false}, ElfForm{false, true}),
    [](const auto& info) {
      return absl::StrCat(info.param.is_64bit ? "Elf64" : "Elf32",
                          info.param.big_endian ? "Big" : "Little");
    });

TEST_P(EveryElfForm, SectionsAndIdSymbolsAreFound) {
  ElfBuilder elf(GetParam());
  elf.AddSection(".text", "code");
  elf.AddSection(".BTF", kBtfBytes);
  const uint32_t ids = elf.AddSection(".BTF_ids", std::string(12, 'i'));
  elf.header(ids).sh_flags = SHF_ALLOC;
  elf.header(ids).sh_addr = 0x1000;
  elf.AddSection(".BTF.base", "\x9f\xeb base");
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 0x1004, 4);
  elf.AddSymbol("__BTF_ID__set__bar", ids, 0x1000, 12);

  const ModuleFile file = MustRead(elf.Build());
  EXPECT_EQ(file.form().is_64bit, GetParam().is_64bit);
  EXPECT_EQ(file.form().big_endian, GetParam().big_endian);
  EXPECT_EQ(file.BtfContent().value(), kBtfBytes);
  EXPECT_EQ(file.BtfBaseContent().value(), "\x9f\xeb base");
  ASSERT_TRUE(file.has_ids());
  EXPECT_EQ(file.btf_ids()->content, std::string(12, 'i'));
  EXPECT_EQ(file.btf_ids()->header.sh_addr, 0x1000u);
  EXPECT_EQ(file.btf_ids()->header.sh_type, uint32_t{SHT_PROGBITS});
  EXPECT_EQ(file.bytes().substr(file.btf_ids()->header.sh_offset, 12),
            std::string(12, 'i'));

  const auto symbols = file.IdSymbols();
  ASSERT_TRUE(symbols.ok()) << symbols.status();
  EXPECT_THAT(Names(*symbols),
              ElementsAre("__BTF_ID__func__foo__1", "__BTF_ID__set__bar"));
  EXPECT_EQ((*symbols)[0].value, 0x1004u);
  EXPECT_EQ((*symbols)[1].size, 12u);
}

TEST_P(EveryElfForm, ExtendedNumberingIsResolved) {
  ElfBuilder elf(GetParam());
  elf.UseExtendedNumbering();
  elf.AddSection(".BTF", kBtfBytes);
  const ModuleFile file = MustRead(elf.Build());
  EXPECT_EQ(file.section_count(), 3u);
  EXPECT_EQ(file.BtfContent().value(), kBtfBytes);
}

TEST_P(EveryElfForm, ReadelfReadsWhatTheBuilderMakes) {
  ElfBuilder elf(GetParam());
  const uint32_t ids = elf.AddSection(".BTF_ids", std::string(8, '\0'));
  elf.header(ids).sh_addralign = 4;
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 4, 4);
  const tests::ScratchDir dir;
  tests::WriteFile(dir.file("a.o"), elf.Build());
  const auto readelf =
      tests::RunProcess({"readelf", "-W", "-S", "-s", dir.file("a.o")});
  EXPECT_EQ(readelf.exit_code, 0);
  EXPECT_THAT(readelf.err, IsEmpty());
  EXPECT_THAT(readelf.out, HasSubstr("__BTF_ID__func__foo__1"));
  EXPECT_THAT(readelf.out, HasSubstr(".BTF_ids"));
}

TEST(ModuleFile, TheLastBtfIdsHoldsIdsAndTheFirstIsPatched) {
  ElfBuilder elf;
  const uint32_t first = elf.AddSection(".BTF_ids", "1111");
  const uint32_t last = elf.AddSection(".BTF_ids", "2222");
  elf.AddSymbol("__BTF_ID__func__one__1", first, 0, 4);
  elf.AddSymbol("__BTF_ID__func__two__2", last, 0, 4);
  const ModuleFile file = MustRead(elf.Build());
  EXPECT_EQ(file.btf_ids()->content, "2222");
  EXPECT_EQ(file.first_btf_ids()->content, "1111");
  EXPECT_THAT(Names(*file.IdSymbols()), ElementsAre("__BTF_ID__func__two__2"));
}

TEST(ModuleFile, TheLastSymbolTableCounts) {
  ElfBuilder elf;
  const uint32_t ids = elf.AddSection(".BTF_ids", "1111");
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 0, 4);
  const uint32_t decoy = elf.AddSection(".symtab.old", "not 24 bytes");
  elf.header(decoy).sh_type = SHT_SYMTAB;
  EXPECT_THAT(Names(*MustRead(elf.Build()).IdSymbols()),
              ElementsAre("__BTF_ID__func__foo__1"));
}

TEST(ModuleFile, OnlySymbolsOfTheSectionWithThePrefixAreIds) {
  ElfBuilder elf;
  const uint32_t text = elf.AddSection(".text", "code");
  const uint32_t ids = elf.AddSection(".BTF_ids", "1111");
  elf.AddSymbol("__BTF_ID__func__elsewhere__1", text, 0, 4);
  elf.AddSymbol("_BTF_ID__func__short__1", ids, 0, 4);
  elf.AddSymbol("__BTF_ID__", ids, 0, 4);
  EXPECT_THAT(Names(*MustRead(elf.Build()).IdSymbols()),
              ElementsAre("__BTF_ID__"));
}

TEST(ModuleFile, WithoutSymbolTableThereAreNoIdsToResolve) {
  ElfBuilder elf;
  elf.AddSection(".BTF_ids", "1111");
  const ModuleFile file = MustRead(elf.Build());
  EXPECT_TRUE(file.btf_ids().has_value());
  EXPECT_FALSE(file.has_ids());
  const auto symbols = file.IdSymbols();
  EXPECT_EQ(symbols.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(symbols.status().message(),
            "m.ko: section .BTF_ids but no symbol table");
}

TEST(ModuleFile, SymbolCountGoesByEntrySizeAsUpstreamCounts) {
  ElfBuilder elf;
  const uint32_t ids = elf.AddSection(".BTF_ids", "1111");
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 0, 4);
  elf.AddSymbol("__BTF_ID__func__bar__1", ids, 0, 4);
  elf.SetSymbolEntrySize(36);  // 3 * 24 / 36: the null symbol and foo
  EXPECT_THAT(Names(*MustRead(elf.Build()).IdSymbols()),
              ElementsAre("__BTF_ID__func__foo__1"));
}

TEST(ModuleFileErrors, SymbolsOfNoSize) {
  ElfBuilder elf;
  const uint32_t ids = elf.AddSection(".BTF_ids", "1111");
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 0, 4);
  elf.SetSymbolEntrySize(0);
  ExpectInvalid(MustRead(elf.Build()).IdSymbols().status(),
                "m.ko: section 2 (.symtab) at offset 0x48: symbols of 0 bytes");
  elf.SetSymbolEntrySize(8);
  ExpectInvalid(MustRead(elf.Build()).IdSymbols().status(),
                "48 bytes, said to be of 8 each, are no whole symbols");
}

TEST(ModuleFileErrors, SymbolNameOutsideItsTable) {
  ElfBuilder elf;
  const uint32_t ids = elf.AddSection(".BTF_ids", "1111");
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 0, 4);
  std::string bytes = elf.Build();
  Poke<uint32_t>(&bytes, 0x48 + 24, 0xffffff);
  ExpectInvalid(MustRead(bytes).IdSymbols().status(),
                "(.symtab) at offset 0x48: the name of symbol 1, at 16777215, "
                "is not within the 24 bytes of its string table");
}

TEST(ModuleFileErrors, IdsWithoutContent) {
  ElfBuilder elf;
  const uint32_t ids = elf.AddSection(".BTF_ids", "");
  elf.header(ids).sh_type = SHT_NOBITS;
  elf.header(ids).sh_size = 8;
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 0, 4);
  ExpectInvalid(MustRead(elf.Build()).IdSymbols().status(),
                "section 1 (.BTF_ids) at offset 0x40: NOBITS");
}

TEST(ModuleFileErrors, BtfThatIsMissingNobitsEmptyOrSomethingElse) {
  ElfBuilder none;
  none.AddSection(".text", "code");
  const auto missing = MustRead(none.Build()).BtfContent();
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.status().message(), "m.ko: no section .BTF");

  ElfBuilder nobits;
  nobits.header(nobits.AddSection(".BTF", "")).sh_type = SHT_NOBITS;
  ExpectInvalid(MustRead(nobits.Build()).BtfContent().status(),
                "m.ko: section 1 (.BTF) at offset 0x40: NOBITS");
  ElfBuilder note;
  note.header(note.AddSection(".BTF", kBtfBytes)).sh_type = SHT_NOTE;
  ExpectInvalid(MustRead(note.Build()).BtfContent().status(),
                "of type 7 instead of PROGBITS");
  ElfBuilder empty;
  empty.AddSection(".BTF", "");
  ExpectInvalid(MustRead(empty.Build()).BtfContent().status(),
                "section 1 (.BTF) at offset 0x40: empty");
  ElfBuilder other;
  other.AddSection(".BTF", "something else");
  ExpectInvalid(MustRead(other.Build()).BtfContent().status(),
                "does not start with the magic of BTF");
}

TEST(ModuleFileErrors, NoElfFile) {
  ExpectInvalid(ReadStatus(""), "m.ko: not an ELF file");
  ExpectInvalid(ReadStatus("\xfd"
                           "7zXZ"),
                "m.ko: not an ELF file");
  ExpectInvalid(ReadStatus("\x7f"
                           "ELF"),
                "the file ends after 4 bytes");
  const std::string elf = ElfBuilder().Build();
  ExpectInvalid(ReadStatus(elf.substr(0, 60)),
                "ELF header at offset 0: the file ends after 60 of 64 bytes");
  std::string odd = elf;
  odd[EI_CLASS] = 3;
  ExpectInvalid(ReadStatus(odd), "unknown class 3");
  odd = elf;
  odd[EI_DATA] = 0;
  ExpectInvalid(ReadStatus(odd), "unknown data encoding 0");
  odd = elf;
  odd[EI_VERSION] = 2;
  ExpectInvalid(ReadStatus(odd), "unknown ELF version");
}

TEST(ModuleFileErrors, EveryTruncationIsNoticed) {
  ElfBuilder elf;
  elf.AddSection(".BTF", kBtfBytes);
  const std::string whole = elf.Build();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(ReadStatus(whole.substr(0, size)).code(),
              absl::StatusCode::kInvalidArgument)
        << size;
  }
}

TEST(ModuleFileErrors, SectionTableOutsideTheFile) {
  ElfBuilder elf;
  elf.AddSection(".BTF", kBtfBytes);
  const std::string good = elf.Build();
  std::string bytes = good;
  Poke<uint64_t>(&bytes, offsetof(Elf64_Ehdr, e_shoff), 0x100000);
  ExpectInvalid(ReadStatus(bytes),
                "m.ko: section header table at offset 0x100000: not within");
  bytes = good;
  Poke<uint16_t>(&bytes, offsetof(Elf64_Ehdr, e_shnum), 1000);
  ExpectInvalid(ReadStatus(bytes),
                "1000 entries of 64 bytes go beyond the end");
  bytes = good;
  Poke<uint16_t>(&bytes, offsetof(Elf64_Ehdr, e_shentsize), 40);
  ExpectInvalid(ReadStatus(bytes), "entries of 40 bytes instead of 64");
  bytes = good;
  Poke<uint16_t>(&bytes, offsetof(Elf64_Ehdr, e_shstrndx), 9);
  ExpectInvalid(ReadStatus(bytes), "section 9 is to hold the names, of 3");
}

TEST(ModuleFileErrors, SectionOrItsNameOutsideTheFile) {
  ElfBuilder elf;
  elf.AddSection(".BTF", kBtfBytes);
  const std::string good = elf.Build();
  const size_t section_1 = MustRead(good).header().e_shoff + sizeof(Elf64_Shdr);
  std::string bytes = good;
  Poke<uint64_t>(&bytes, section_1 + offsetof(Elf64_Shdr, sh_size), 1 << 20);
  ExpectInvalid(ReadStatus(bytes),
                "m.ko: section 1 (.BTF) at offset 0x40: its 1048576 bytes go "
                "beyond the end of the file");
  bytes = good;
  Poke<uint64_t>(&bytes, section_1 + offsetof(Elf64_Shdr, sh_offset), -8);
  ExpectInvalid(ReadStatus(bytes), "at offset 0xfffffffffffffff8");
  bytes = good;
  Poke<uint32_t>(&bytes, section_1 + offsetof(Elf64_Shdr, sh_name), 1000);
  ExpectInvalid(ReadStatus(bytes), "its name, at 1000, is not within the 16");
}

TEST(ModuleFileErrors, UnreadableFiles) {
  const auto missing = ModuleFile::Open("/nonexistent/m.ko");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("/nonexistent/m.ko: cannot open"));
  const auto directory = ModuleFile::Open("/");
  EXPECT_FALSE(directory.ok());
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr("/: cannot read: Is a directory"));
}

std::string Signature(uint32_t size, uint32_t said) {
  std::string info(12, '\0');
  for (int i = 0; i < 4; ++i)
    info[8 + i] = static_cast<char>(said >> (24 - 8 * i));
  return std::string(size, 's') + info + "~Module signature appended~\n";
}

TEST(ModuleFile, AppendedSignaturesEndThePayload) {
  const std::string plain = ElfBuilder().Build();
  EXPECT_FALSE(MustRead(plain).has_signature());
  EXPECT_EQ(MustRead(plain).PayloadSize().value(), plain.size());
  const ModuleFile once = MustRead(plain + Signature(300, 300));
  EXPECT_TRUE(once.has_signature());
  EXPECT_EQ(once.PayloadSize().value(), plain.size());
  const ModuleFile twice =
      MustRead(plain + Signature(300, 300) + Signature(20, 20));
  EXPECT_EQ(twice.PayloadSize().value(), plain.size());
  ExpectInvalid(
      MustRead(plain + Signature(300, 0x7fffffff)).PayloadSize().status(),
      "its length of 2147483647 bytes does not fit the file");
}

TEST(ReadBtfSource, TakesRawBtfInEitherByteOrderAndElf) {
  const tests::ScratchDir dir;
  tests::WriteFile(dir.file("raw"), "\xeb\x9f big");
  const auto raw = ReadBtfSource(dir.file("raw"));
  ASSERT_TRUE(raw.ok()) << raw.status();
  EXPECT_EQ(raw->btf, "\xeb\x9f big");
  EXPECT_FALSE(raw->btf_base.has_value());

  ElfBuilder elf;
  elf.AddSection(".BTF", kBtfBytes);
  elf.AddSection(".BTF.base", "\x9f\xeb base");
  tests::WriteFile(dir.file("m.ko"), elf.Build());
  auto module = ReadBtfSource(dir.file("m.ko"));
  ASSERT_TRUE(module.ok()) << module.status();
  const BtfSource moved = *std::move(module);
  EXPECT_EQ(moved.btf, kBtfBytes);
  EXPECT_EQ(*moved.btf_base, "\x9f\xeb base");
}

TEST(ReadBtfSource, SaysWhatIsMissing) {
  const tests::ScratchDir dir;
  tests::WriteFile(dir.file("m.ko"), ElfBuilder().Build());
  EXPECT_EQ(ReadBtfSource(dir.file("m.ko")).status().code(),
            absl::StatusCode::kNotFound);
  tests::WriteFile(dir.file("text"), "text");
  ExpectInvalid(ReadBtfSource(dir.file("text")).status(), "not an ELF file");
}

}  // namespace
}  // namespace btfd::elf
