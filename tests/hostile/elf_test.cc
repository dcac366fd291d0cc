// SPDX-License-Identifier: Apache-2.0
//
// Measures ELF files and compressed files that claim to be larger than they
// are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/elf/compressed.h"
#include "lib/elf/module_file.h"
#include "lib/elf/testing/compress.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/util/file.h"
#include "tests/hostile/cost.h"

namespace btfd::tests {
namespace {

constexpr uint64_t kMegabyte = 1000000;

Cost Read(const std::string& bytes) {
  return Measure([&] {
    auto file = elf::ModuleFile::FromBytes(
        util::UniqueFd(), util::FileBytes::Copy(bytes), "hostile.ko");
    if (!file.ok()) return Outcome{file.status()};
    if (!file->btf_ids().has_value()) return Outcome{};
    return Outcome{file->IdSymbols().status()};
  });
}

void Print(const char* what, const std::string& bytes, const Cost& cost) {
  std::printf("| %s | %zu | %d | %.1f | %s |\n", what, bytes.size() / 1000,
              static_cast<int>(cost.seconds * 1000),
              static_cast<double>(cost.peak_bytes) / kMegabyte,
              absl::StatusCodeToString(cost.code).c_str());
}

std::string SmallModule(elf::ElfForm form) {
  elf::ElfBuilder elf(form);
  elf.AddSection(".BTF", std::string(24, '\0'));
  const uint32_t ids = elf.AddSection(".BTF_ids", std::string(8, '\0'));
  elf.AddSymbol("__BTF_ID__func__f__1", ids, 0, 4);
  return elf.Build();
}

class ClaimsOf : public ::testing::TestWithParam<bool> {
 protected:
  elf::ElfForm form() const { return {GetParam(), false}; }
};

// Sets each 32-bit word of a small module in turn to a gigabyte, whether it is
// a size, a count, an offset or an index.
TEST_P(ClaimsOf, AGigabyteAnywhereCostNothing) {
  const std::string module = SmallModule(form());
  ASSERT_LT(module.size(), 2000u);
  const Cost cost = Measure([&] {
    for (size_t at = 0; at + 4 <= module.size(); at += 2) {
      std::string damaged = module;
      const uint32_t gigabyte = 1u << 30;
      std::memcpy(&damaged[at], &gigabyte, sizeof(gigabyte));
      auto file = elf::ModuleFile::FromBytes(
          util::UniqueFd(), util::FileBytes::Copy(damaged), "hostile.ko");
      if (!file.ok()) continue;
      file->BtfContent().status().IgnoreError();
      if (file->btf_ids()) file->IdSymbols().status().IgnoreError();
    }
    return Outcome{};
  });
  Print("a claim of 1 GB at each place", module, cost);
  EXPECT_LT(cost.peak_bytes, 20 * kMegabyte);
  EXPECT_LT(cost.seconds, 5);
}

INSTANTIATE_TEST_SUITE_P(Classes, ClaimsOf, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& info) {
                           return info.param ? "Elf64" : "Elf32";
                         });

TEST(HostileElf, NamesOfSectionsThatShareTheirEnds) {
  constexpr uint32_t kSections = 60000;
  elf::ElfBuilder elf;
  elf.AddSection(std::string(4 * kMegabyte, 'x'), "");
  for (uint32_t i = 0; i < kSections; ++i) elf.AddSection("", "");
  std::string bytes = elf.Build();
  // Each name but the first begins one byte behind the one before.
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (uint32_t i = 2; i < kSections; ++i) {
    char* record = &bytes[header.e_shoff + i * sizeof(Elf64_Shdr)];
    Elf64_Shdr section;
    std::memcpy(&section, record, sizeof(section));
    section.sh_name = i;
    std::memcpy(record, &section, sizeof(section));
  }
  const Cost cost = Read(bytes);
  Print("60,000 sections, names of 4 MB in 4 MB", bytes, cost);
  EXPECT_EQ(cost.code, absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(cost.message, ::testing::HasSubstr("(of section names)"));
  EXPECT_THAT(cost.message, ::testing::HasSubstr("more than 64 times that"));
  EXPECT_LT(cost.seconds, 5);
}

TEST(HostileElf, NamesOfSymbolsThatShareTheirEnds) {
  constexpr uint32_t kSymbols = 50000;
  elf::ElfBuilder elf;
  const uint32_t ids = elf.AddSection(".BTF_ids", std::string(8, '\0'));
  elf.AddSymbol("__BTF_ID__set__" + std::string(4 * kMegabyte, 'x'), ids, 0, 4);
  for (uint32_t i = 0; i < kSymbols; ++i) elf.AddSymbol("", ids, 0, 4);
  std::string bytes = elf.Build();
  const size_t null_symbols = bytes.size();
  ASSERT_GT(null_symbols, kSymbols * sizeof(Elf64_Sym));
  // st_name of each symbol from the second on is one byte greater.
  auto file = elf::ModuleFile::FromBytes(
      util::UniqueFd(), util::FileBytes::Copy(bytes), "hostile.ko");
  ASSERT_TRUE(file.ok()) << file.status();
  for (uint32_t s = 1; s < file->section_count(); ++s) {
    const elf::Section section = file->section(s);
    if (section.header.sh_type != SHT_SYMTAB) continue;
    for (uint32_t i = 2; i < kSymbols; ++i) {
      std::memcpy(&bytes[section.header.sh_offset + i * sizeof(Elf64_Sym)], &i,
                  sizeof(i));
    }
  }
  const Cost cost = Read(bytes);
  Print("50,000 symbols, names of 4 MB in 4 MB", bytes, cost);
  EXPECT_EQ(cost.code, absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(cost.message, ::testing::HasSubstr("more than 64 times that"));
  EXPECT_LT(cost.seconds, 5);
}

TEST(HostileElf, ManySectionsAndManySymbols) {
  elf::ElfBuilder elf;
  elf.UseExtendedNumbering();
  const uint32_t ids = elf.AddSection(".BTF_ids", std::string(8, '\0'));
  for (uint32_t i = 0; i < 60000; ++i) elf.AddSection(".x", "y");
  for (uint32_t i = 0; i < 100000; ++i) {
    elf.AddSymbol(absl::StrCat("__BTF_ID__func__f", i, "__1"), ids, 0, 4);
  }
  const std::string bytes = elf.Build();
  const Cost cost = Read(bytes);
  Print("60,000 sections, 100,000 symbols", bytes, cost);
  EXPECT_EQ(cost.code, absl::StatusCode::kOk) << cost.message;
  EXPECT_LT(cost.peak_bytes, 20 * kMegabyte + 4 * bytes.size());
}

// The BTF header claims more bytes than there are.
TEST(HostileBtf, AGigabyteInAKilobyte) {
  btf::testing::BtfBuilder builder;
  for (int i = 0; i < 20; ++i) builder.Int(absl::StrCat("int", i), 4);
  const std::string raw = builder.Build();
  ASSERT_LT(raw.size(), 1000u);
  const Cost cost = Measure([&] {
    for (size_t at = 4; at + 4 <= raw.size(); at += 4) {
      std::string damaged = raw;
      const uint32_t gigabyte = 1u << 30;
      std::memcpy(&damaged[at], &gigabyte, sizeof(gigabyte));
      btf::Base::Build(damaged).status().IgnoreError();
    }
    return Outcome{};
  });
  Print("BTF: a claim of 1 GB at each place", raw, cost);
  EXPECT_LT(cost.peak_bytes, 20 * kMegabyte);
  EXPECT_LT(cost.seconds, 5);
}

class Bombs : public ::testing::TestWithParam<elf::Compression> {};

// Some kilobytes that unpack to many megabytes of zeros. Unpacking must stop at
// the limit.
TEST_P(Bombs, StopAtWhatMayComeOut) {
  const std::string packed =
      elf::Compress(GetParam(), std::string(300 * kMegabyte, '\0'));
  elf::DecompressOptions options;
  options.max_output = 16 * kMegabyte;
  const Cost cost = Measure([&] {
    return Outcome{
        elf::Decompress(GetParam(), packed, "bomb.ko", options).status()};
  });
  Print(absl::StrCat(elf::CompressionName(GetParam()), ": 300 MB").c_str(),
        packed, cost);
  EXPECT_EQ(cost.code, absl::StatusCode::kResourceExhausted) << cost.message;
  EXPECT_LT(cost.peak_bytes, 64 * kMegabyte);
}

INSTANTIATE_TEST_SUITE_P(All, Bombs,
                         ::testing::Values(elf::Compression::kGzip,
                                           elf::Compression::kXz,
                                           elf::Compression::kZstd,
                                           elf::Compression::kLz4Legacy),
                         [](const auto& info) {
                           return std::string(elf::CompressionName(info.param));
                         });

}  // namespace
}  // namespace btfd::tests
