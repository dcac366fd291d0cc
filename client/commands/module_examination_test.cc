// SPDX-License-Identifier: Apache-2.0
#include "client/commands/module_examination.h"

#include <string>

#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/elf_builder.h"

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using Grade = Finding::Grade;

MATCHER_P2(Is, grade, what, "") {
  *result_listener << arg.what;
  return arg.grade == grade && arg.what.find(what) != std::string::npos;
}

class ModuleExaminationTest : public ::testing::Test {
 protected:
  ModuleExaminationTest() {
    elf_.AddSection(".modinfo",
                    std::string("license=GPL\0vermagic=6.12.95-amd64 "
                                "SMP preempt\0",
                                48));
  }
  ModuleExamination Examine(const std::string& behind = "") {
    testing::WriteFile(path_, elf_.Build() + behind);
    return ExamineModule(path_);
  }

  const std::string path_ = testing::FreshDirectory() + "/m.ko";
  elf::ElfBuilder elf_;
};

TEST_F(ModuleExaminationTest, NamesItsKernelAndThatItHasNoBtf) {
  const ModuleExamination module = Examine();
  EXPECT_EQ(module.release, "6.12.95-amd64");
  EXPECT_THAT(module.findings,
              ElementsAre(Is(Grade::kGood, "m.ko is for Linux 6.12.95-amd64"),
                          Is(Grade::kBad, "it has no BTF")));
}

TEST_F(ModuleExaminationTest, TellsWhichKernelsItsBtfIsOfUseTo) {
  elf_.AddSection(".BTF", "\x9f\xeb...");
  EXPECT_THAT(Examine().findings,
              ElementsAre(Is(Grade::kGood, "is for Linux"),
                          Is(Grade::kGood, "it has 5 bytes of BTF"),
                          Is(Grade::kNote, "it has no .BTF.base")));
  elf_.AddSection(".BTF.base", "\x9f\xeb...");
  EXPECT_THAT(Examine("~Module signature appended~\n").findings,
              ElementsAre(Is(Grade::kGood, "is for Linux"),
                          Is(Grade::kGood, "and .BTF.base, by which other"),
                          Is(Grade::kNote, "it is signed")));
}

TEST_F(ModuleExaminationTest, SaysWhatIsNoModule) {
  testing::WriteFile(path_, "text");
  EXPECT_THAT(ExamineModule(path_).findings,
              ElementsAre(Is(Grade::kBad, "m.ko: not an ELF file")));
}

}  // namespace
}  // namespace btfd::client
