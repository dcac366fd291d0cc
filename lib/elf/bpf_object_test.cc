// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/bpf_object.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "lib/elf/testing/elf_builder.h"
#include "lib/util/file.h"

namespace btfd::elf {
namespace {

using ::testing::HasSubstr;

constexpr char kBtf[] = "\x9f\xeb\x01 types";
constexpr char kExt[] = "\x9f\xeb\x01 relocations";

absl::StatusOr<BpfObject> Read(const ElfBuilder& elf) {
  return BpfObjectFromBytes(util::FileBytes::Copy(elf.Build()), "p.bpf.o");
}

TEST(BpfObject, HasBothSectionsInEachFormOfElf) {
  for (const bool is_64bit : {false, true}) {
    for (const bool big_endian : {false, true}) {
      ElfBuilder elf({is_64bit, big_endian});
      elf.AddSection(".BTF", kBtf);
      elf.AddSection(".BTF.ext", kExt);
      auto read = Read(elf);
      ASSERT_TRUE(read.ok()) << read.status();
      const BpfObject object = *std::move(read);
      EXPECT_EQ(object.btf, kBtf);
      EXPECT_EQ(object.btf_ext, kExt);
      EXPECT_EQ(object.pointer_size, is_64bit ? 8u : 4u);
    }
  }
}

TEST(BpfObject, TakesTheLastSectionOfAName) {
  ElfBuilder elf;
  elf.AddSection(".BTF", kBtf);
  elf.AddSection(".BTF.ext", "first");
  elf.AddSection(".BTF.ext", kExt);
  EXPECT_EQ(Read(elf)->btf_ext, kExt);
}

TEST(BpfObject, WithoutTypesOrRelocationsIsNone) {
  ElfBuilder nothing, types;
  nothing.AddSection(".text", "code");
  types.AddSection(".BTF", kBtf);
  EXPECT_EQ(Read(nothing).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Read(nothing).status().message(),
              HasSubstr("p.bpf.o: no section .BTF"));
  EXPECT_EQ(Read(types).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Read(types).status().message(),
              HasSubstr("p.bpf.o: no section .BTF.ext; clang -target bpf"));
}

TEST(BpfObject, SectionsOfAnotherTypeAreRefused) {
  ElfBuilder elf;
  elf.AddSection(".BTF", kBtf);
  elf.header(elf.AddSection(".BTF.ext", kExt)).sh_type = SHT_NOTE;
  EXPECT_EQ(Read(elf).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Read(elf).status().message(),
              HasSubstr("p.bpf.o: section 2 (.BTF.ext)"));
}

TEST(BpfObject, WhatIsNoElfFileIsRefused) {
  const auto read =
      BpfObjectFromBytes(util::FileBytes::Copy("no ELF"), "p.bpf.o");
  EXPECT_THAT(read.status().message(), HasSubstr("p.bpf.o"));
  EXPECT_FALSE(ReadBpfObject("/no/such/file").ok());
}

}  // namespace
}  // namespace btfd::elf
