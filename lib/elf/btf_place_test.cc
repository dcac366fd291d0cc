// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/btf_place.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "lib/elf/module_file.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/util/file.h"
#include "tests/support/process.h"

namespace btfd::elf {
namespace {

const std::string kBytes("\x9f\xeb\x01 raw", 8);

class BtfPlaceTest : public ::testing::Test {
 protected:
  std::optional<BtfPlace> Find(const std::string& content) {
    const std::string path = scratch_.file("f");
    std::ofstream(path, std::ios::binary) << content;
    const auto fd = util::OpenFile(path, O_RDONLY);
    EXPECT_TRUE(fd.ok());
    return FindBtfPlace(fd->get(), content.size());
  }

  const tests::ScratchDir scratch_;
};

TEST_F(BtfPlaceTest, RawBtfIsTheWholeFile) {
  const auto place = Find(kBytes);
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->offset, 0u);
  EXPECT_EQ(place->size, kBytes.size());
  EXPECT_EQ(place->notes, "");
  EXPECT_TRUE(Find(std::string("\xeb\x9f\x01", 3)).has_value())
      << "in the other byte order";
}

TEST_F(BtfPlaceTest, InAnElfFileOfAnyFormItIsWhereTheFullParserFindsIt) {
  for (const bool is_64bit : {true, false}) {
    for (const bool big_endian : {true, false}) {
      ElfBuilder elf(ElfForm{is_64bit, big_endian});
      elf.AddSection(".text", "code");
      elf.AddSection(".BTF", "\x9f\xeb first of two");
      elf.header(elf.AddSection(".notes", "the build id")).sh_type = SHT_NOTE;
      elf.AddSection(".BTF", kBytes);
      elf.AddSection(".BTF_ids", "ids");
      elf.header(elf.AddSection(".note.x", ", and more")).sh_type = SHT_NOTE;
      const std::string file = elf.Build();
      const auto place = Find(file);
      ASSERT_TRUE(place.has_value());
      EXPECT_EQ(file.substr(place->offset, place->size), kBytes);
      EXPECT_EQ(place->notes, "the build id, and more");
      const auto source = ReadBtfSource(scratch_.file("f"));
      ASSERT_TRUE(source.ok()) << source.status();
      EXPECT_EQ(source->btf, kBytes);
    }
  }
}

TEST_F(BtfPlaceTest, NotesAreCutOff) {
  ElfBuilder elf;
  for (int i = 0; i < 3; ++i) {
    elf.header(elf.AddSection(".note", std::string(kMaxNotes - 1, 'n')))
        .sh_type = SHT_NOTE;
  }
  elf.AddSection(".BTF", kBytes);
  const auto place = Find(elf.Build());
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->notes.size(), kMaxNotes);
}

TEST_F(BtfPlaceTest, WhatIsNotPlainIsNotFound) {
  EXPECT_FALSE(Find("").has_value());
  EXPECT_FALSE(Find("\x7f"
                    "ELF")
                   .has_value());
  EXPECT_FALSE(Find(std::string(100, 'x')).has_value());
  ElfBuilder none;
  none.AddSection(".text", "code");
  EXPECT_FALSE(Find(none.Build()).has_value());
  ElfBuilder extended;
  extended.AddSection(".BTF", kBytes);
  extended.UseExtendedNumbering();
  EXPECT_FALSE(Find(extended.Build()).has_value());
  ElfBuilder compressed;
  compressed.header(compressed.AddSection(".BTF", kBytes)).sh_flags =
      SHF_COMPRESSED;
  EXPECT_FALSE(Find(compressed.Build()).has_value());
  ElfBuilder nobits;
  nobits.header(nobits.AddSection(".BTF", kBytes)).sh_type = SHT_NOBITS;
  EXPECT_FALSE(Find(nobits.Build()).has_value());
  ElfBuilder beyond;
  beyond.AddSection(".BTF", kBytes);
  const std::string whole = beyond.Build();
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto place = Find(whole.substr(0, size));
    EXPECT_FALSE(place.has_value()) << size;
  }
}

}  // namespace
}  // namespace btfd::elf
