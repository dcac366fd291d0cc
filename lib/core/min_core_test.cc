// SPDX-License-Identifier: Apache-2.0
#include "lib/core/min_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "lib/btf/plain_types.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/core/testing/program_builder.h"

namespace btfd::core {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::Dump;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramBuilder;

using Kind = RelocationKind;

std::shared_ptr<const btf::Base> BaseOf(const BtfBuilder& builder) {
  auto base = btf::Base::Build(builder.Build());
  EXPECT_TRUE(base.ok()) << base.status();
  return *base;
}

std::string Minimize(MinCore* min_core,
                     const std::vector<const Program*>& programs) {
  for (const Program* program : programs) {
    const absl::Status status = min_core->AddProgram(*program);
    if (!status.ok()) return std::string(status.message());
  }
  const auto minimized = min_core->Write();
  if (!minimized.ok()) return std::string(minimized.status().message());
  return Dump(minimized->kernel);
}

// What is left of a kernel, as text; or the error. It is the same with an index
// of the kernel and without one.
std::string Minimize(const BtfBuilder& kernel,
                     const std::vector<const Program*>& programs) {
  const auto base = BaseOf(kernel);
  MinCore indexed(*base, 8);
  const std::string text = Minimize(&indexed, programs);
  const std::string raw = kernel.Build();
  const auto types = btf::PlainTypes::Parse(raw);
  EXPECT_TRUE(types.ok()) << types.status();
  MinCore plain(*types, 8);
  EXPECT_EQ(Minimize(&plain, programs), text);
  return text;
}

std::string Minimize(const BtfBuilder& kernel, const Program& program) {
  return Minimize(kernel, std::vector<const Program*>{&program});
}

// struct task { int pid; struct list tasks; } asked for one access.
Program AskTask(const std::string& access, Kind kind) {
  ProgramBuilder program;
  const TypeId i32 = program.types.Int("int", 4);
  const TypeId list =
      program.types.Struct("list", 8, {{"next", program.types.next_id() + 1}});
  program.types.Ptr(list);
  const TypeId task =
      program.types.Struct("task", 16, {{"pid", i32, 0}, {"tasks", list, 64}});
  program.Relocate(task, access, kind);
  return program.Build();
}

// The kernel's: a pid in an anonymous union, and more around it.
class KernelWithTask : public BtfBuilder {
 public:
  KernelWithTask();
};

KernelWithTask::KernelWithTask() {
  BtfBuilder& kernel = *this;
  const TypeId i64 = kernel.Int("long", 8);
  const TypeId i32 = kernel.Int("int", 4);
  const TypeId list = kernel.Struct(
      "list", 16,
      {{"next", kernel.next_id() + 2, 0}, {"prev", kernel.next_id() + 2, 64}});
  kernel.Ptr(kernel.Struct("other", 8));
  const TypeId choice =
      kernel.Union("", 4, {{"tgid", i32, 0}, {"pid", i32, 0}});
  kernel.Struct("task", 32,
                {{"state", i64, 0}, {"", choice, 64}, {"tasks", list, 128}});
}

TEST(MinCore, KeepsTheMembersOnTheWayToAField) {
  EXPECT_EQ(Minimize(KernelWithTask(), AskTask("0:0", Kind::kFieldByteOffset)),
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] UNION '' size=4\n"
            "    'pid' type=1 offset=0\n"
            "[3] STRUCT 'task' size=32\n"
            "    '' type=2 offset=64\n");
}

TEST(MinCore, PointersOfFieldsPointToVoid) {
  const std::string text =
      Minimize(KernelWithTask(), AskTask("0:1:0", Kind::kFieldByteSize));
  EXPECT_EQ(text,
            "[1] STRUCT 'list' size=16\n"
            "    'next' type=2 offset=0\n"
            "[2] PTR '' type=0\n"
            "[3] STRUCT 'task' size=32\n"
            "    'tasks' type=1 offset=128\n");
}

TEST(MinCore, TypesKeepNoMembers) {
  for (const Kind kind :
       {Kind::kTypeExists, Kind::kTypeSize, Kind::kTypeIdTarget}) {
    EXPECT_EQ(Minimize(KernelWithTask(), AskTask("0", kind)),
              "[1] STRUCT 'task' size=32\n");
  }
}

TEST(MinCore, IdsOfTheProgramItselfNeedNothing) {
  EXPECT_EQ(Minimize(KernelWithTask(), AskTask("0", Kind::kTypeIdLocal)), "");
}

TEST(MinCore, WhatTheKernelLacksIsLeftOut) {
  BtfBuilder kernel;
  kernel.Int("int", 4);
  kernel.Union("task", 4);
  EXPECT_EQ(Minimize(kernel, AskTask("0:0", Kind::kFieldExists)), "");
}

TEST(MinCore, FieldOfAnotherTypeIsNotTheField) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  kernel.Struct("task", 4, {{"tasks", i32, 0}});
  EXPECT_EQ(Minimize(kernel, AskTask("0:1", Kind::kFieldExists)), "");
}

TEST(MinCore, FlavoursOnBothSidesCountAsOneName) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  kernel.Struct("task___new", 8, {{"flags", i32, 32}});
  kernel.Struct("task", 4, {{"pid", i32, 0}});
  ProgramBuilder program;
  const TypeId ours = program.types.Int("int", 4);
  const TypeId old =
      program.types.Struct("task___old", 4, {{"flags", ours, 0}});
  program.Relocate(old, "0:0", Kind::kFieldByteOffset);
  EXPECT_EQ(Minimize(kernel, program.Build()),
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] STRUCT 'task___new' size=8\n"
            "    'flags' type=1 offset=32\n");
}

TEST(MinCore, ARelocationNarrowsTheCandidatesOfLaterOnes) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  kernel.Struct("task", 4, {{"flags", i32, 0}});
  kernel.Struct("task", 8, {{"flags", i32, 0}, {"pid", i32, 32}});
  ProgramBuilder program;
  const TypeId ours = program.types.Int("int", 4);
  const TypeId task =
      program.types.Struct("task", 8, {{"pid", ours, 0}, {"flags", ours, 32}});
  program.Relocate(task, "0:0", Kind::kFieldByteOffset);
  program.Relocate(task, "0:1", Kind::kFieldByteOffset);
  EXPECT_EQ(Minimize(kernel, program.Build()),
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] STRUCT 'task' size=8\n"
            "    'flags' type=1 offset=0\n"
            "    'pid' type=1 offset=32\n");
}

TEST(MinCore, CandidatesThatDifferAreAnError) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  kernel.Struct("task", 4, {{"pid", i32, 0}});
  kernel.Struct("task", 8, {{"pid", i32, 32}});
  EXPECT_THAT(Minimize(kernel, AskTask("0:0", Kind::kFieldByteOffset)),
              AllOf(HasSubstr("prog.bpf.o: .BTF.ext at offset 44: byte offset "
                              "of a field (task, type 4, access 0:0) in "
                              "section kprobe/x at 0: "),
                    HasSubstr("types 2 and 3 both fit, but differ")));
}

TEST(MinCore, BitFieldsKeepTheirSizes) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  kernel.Struct("task", 8,
                {{"pid", i32, 3, 5}, {"flags", i32, 8, 8}, {"wide", i32, 32}});
  EXPECT_EQ(Minimize(kernel, AskTask("0:0", Kind::kFieldLeftShift)),
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] STRUCT 'task' size=8 kflag\n"
            "    'pid' type=1 offset=83886083\n");
}

TEST(MinCore, WithoutItsBitFieldsAStructHasNoKindFlag) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  kernel.Struct("task", 8, {{"bits", i32, 8, 8}, {"pid", i32, 32}});
  EXPECT_EQ(Minimize(kernel, AskTask("0:0", Kind::kFieldByteOffset)),
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] STRUCT 'task' size=8\n"
            "    'pid' type=1 offset=32\n");
}

// struct list { struct list *next; } with `next` behind a type tag.
TEST(MinCore, TypeTagsDoNotEndAMatch) {
  BtfBuilder kernel;
  const TypeId list =
      kernel.Struct("list", 8, {{"next", kernel.next_id() + 2, 0}});
  const TypeId tag = kernel.TypeTag("rcu", list);
  kernel.Ptr(tag);
  kernel.DeclTag("of the list", list);
  ProgramBuilder program;
  const TypeId ours =
      program.types.Struct("list", 8, {{"next", program.types.next_id() + 1}});
  program.types.Ptr(ours);
  program.Relocate(ours, "0", Kind::kTypeMatches);
  EXPECT_EQ(Minimize(kernel, program.Build()),
            "[1] STRUCT 'list' size=8\n"
            "    'next' type=3 offset=0\n"
            "[2] TYPE_TAG 'rcu' type=1\n"
            "[3] PTR '' type=2\n");
}

TEST(MinCore, VariablesAndTheirSectionsLeadToTheirTypes) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  const TypeId var = kernel.Var("jiffies", i32);
  kernel.Datasec(".data", 4, {{var, 0, 4}});
  ProgramBuilder program;
  const TypeId ours = program.types.Var("jiffies", program.types.Int("int", 4));
  const TypeId section = program.types.Datasec(".data", 4, {{ours, 0, 4}});
  program.Relocate(ours, "0", Kind::kFieldByteSize);
  program.Relocate(section, "0", Kind::kFieldByteSize);
  EXPECT_EQ(Minimize(kernel, program.Build()),
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] VAR 'jiffies' type=1 linkage=1\n"
            "[3] DATASEC '.data' size=4\n"
            "    type=2 offset=0 size=4\n");
}

TEST(MinCore, AccessThatIsWrongInItselfNamesItsPlace) {
  for (const char* access :
       {"", ":0", "0:", "0:x", "-1", "0:9", "0:0:0", "0::0", "99999999999"}) {
    EXPECT_THAT(
        Minimize(KernelWithTask(), AskTask(access, Kind::kFieldByteOffset)),
        HasSubstr("prog.bpf.o: .BTF.ext at offset 44: "))
        << access;
  }
  EXPECT_THAT(Minimize(KernelWithTask(), AskTask("1", Kind::kTypeExists)),
              HasSubstr("the access to a type is not 0"));
  EXPECT_THAT(Minimize(KernelWithTask(), AskTask("0", Kind::kEnumValue)),
              HasSubstr("the access leads to no enumerator"));
}

TEST(MinCore, TypesWithoutANameCannotBeFound) {
  ProgramBuilder program;
  const TypeId anonymous = program.types.Struct("", 0);
  program.Relocate(anonymous, "0", Kind::kTypeExists);
  EXPECT_THAT(Minimize(KernelWithTask(), program.Build()),
              HasSubstr("a type without a name cannot be found"));
}

TEST(MinCore, TheOrderOfProgramsDoesNotMatter) {
  const Program a = AskTask("0:0", Kind::kFieldByteOffset);
  const Program b = AskTask("0:1:0", Kind::kFieldExists);
  const std::string text = Minimize(KernelWithTask(), {&a, &b});
  EXPECT_EQ(text, Minimize(KernelWithTask(), {&b, &a}));
  EXPECT_THAT(text, AllOf(HasSubstr("'pid'"), HasSubstr("'next'")));
}

TEST(MinCore, TheOtherByteOrderGivesTheSameBytes) {
  KernelWithTask kernel;
  const Program program = AskTask("0:0", Kind::kFieldByteOffset);
  const std::string ours = Minimize(kernel, program);
  kernel.form().big_endian = true;
  EXPECT_EQ(Minimize(kernel, program), ours);
}

// --- Modules -----------------------------------------------------------------

class Modules : public ::testing::Test {
 protected:
  // Of the split BTF that `module` built over the kernel.
  void Start(const BtfBuilder& kernel) {
    base_ = BaseOf(kernel);
    min_core_.emplace(*base_, 8);
  }
  void Add(const std::string& raw) {
    auto btf = btf::Btf::Parse(raw, base_.get(), "module",
                               std::pmr::new_delete_resource());
    ASSERT_TRUE(btf.ok()) << btf.status();
    modules_.push_back(std::make_unique<btf::Btf>(*std::move(btf)));
    ASSERT_TRUE(min_core_->AddModule("m.ko", *modules_.back()).ok());
  }
  // The kernel's text, and the module's over it.
  std::vector<std::string> Texts(const Program& program) {
    const absl::Status status = min_core_->AddProgram(program);
    EXPECT_TRUE(status.ok()) << status;
    const MinimizedBtf minimized = *min_core_->Write();
    const auto kernel = btf::Base::Build(minimized.kernel);
    EXPECT_TRUE(kernel.ok()) << kernel.status();
    std::vector<std::string> texts = {Dump(minimized.kernel)};
    for (const std::string& module : minimized.modules) {
      texts.push_back(Dump(module, kernel->get()));
    }
    return texts;
  }

  std::shared_ptr<const btf::Base> base_;
  std::vector<std::unique_ptr<btf::Btf>> modules_;
  std::optional<MinCore> min_core_;
};

TEST_F(Modules, StandOverTheMinimizedKernel) {
  KernelWithTask kernel;
  BtfBuilder module(kernel);
  module.Struct("foo", 40, {{"task", 7, 0}, {"count", 2, 256}});
  Start(kernel);
  Add(module.Build());
  ProgramBuilder program;
  const TypeId i32 = program.types.Int("int", 4);
  const TypeId task = program.types.Struct("task", 4, {{"pid", i32, 0}});
  const TypeId foo = program.types.Struct("foo", 8, {{"task", task, 0}});
  program.Relocate(foo, "0:0:0", Kind::kFieldByteOffset);
  const std::vector<std::string> texts = Texts(program.Build());
  EXPECT_EQ(texts[0],
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] UNION '' size=4\n"
            "    'pid' type=1 offset=0\n"
            "[3] STRUCT 'task' size=32\n"
            "    '' type=2 offset=64\n");
  EXPECT_EQ(texts[1],
            "[4] STRUCT 'foo' size=40\n"
            "    'task' type=3 offset=0\n");
}

TEST_F(Modules, AreNotAskedForWhatTheKernelHas) {
  KernelWithTask kernel;
  BtfBuilder module(kernel);
  module.Struct("task", 8, {{"only_here", 2, 32}});
  Start(kernel);
  Add(module.Build());
  ProgramBuilder program;
  const TypeId i32 = program.types.Int("int", 4);
  const TypeId task = program.types.Struct("task", 4, {{"only_here", i32, 0}});
  program.Relocate(task, "0:0", Kind::kFieldExists);
  const std::vector<std::string> texts = Texts(program.Build());
  // The kernel's type stays, so that libbpf does not look further either.
  EXPECT_EQ(texts[0], "[1] STRUCT 'task' size=32\n");
  EXPECT_EQ(texts[1], "");
}

TEST_F(Modules, KeepAllThatFits) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  BtfBuilder module(kernel);
  module.Struct("foo", 8, {{"a", i32, 0}});
  module.Struct("foo", 8, {{"a", i32, 0}, {"b", i32, 32}});
  Start(kernel);
  Add(module.Build());
  ProgramBuilder program;
  const TypeId ours = program.types.Int("int", 4);
  const TypeId foo =
      program.types.Struct("foo", 8, {{"a", ours, 0}, {"b", ours, 32}});
  program.Relocate(foo, "0:0", Kind::kFieldByteOffset);
  program.Relocate(foo, "0:1", Kind::kFieldByteOffset);
  EXPECT_EQ(Texts(program.Build())[1],
            "[2] STRUCT 'foo' size=8\n"
            "    'a' type=1 offset=0\n"
            "[3] STRUCT 'foo' size=8\n"
            "    'a' type=1 offset=0\n"
            "    'b' type=1 offset=32\n");
}

// A member keeps the typedef, and without its target the pointer would fit.
TEST_F(Modules, WhatDoesNotFitDoesNotComeToFit) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  BtfBuilder module(kernel);
  const TypeId callback = module.Typedef("callback_t", module.next_id() + 1);
  module.Ptr(module.next_id() + 1);
  module.Proto(i32);
  module.Struct("foo", 8, {{"call", callback, 0}});
  Start(kernel);
  Add(module.Build());
  ProgramBuilder program;
  const TypeId pointer = program.types.Ptr(0);
  const TypeId ours = program.types.Typedef("callback_t", pointer);
  const TypeId foo = program.types.Struct("foo", 8, {{"call", pointer, 0}});
  program.Relocate(foo, "0:0", Kind::kFieldByteOffset);
  program.Relocate(ours, "0", Kind::kTypeExists);
  EXPECT_EQ(Texts(program.Build())[1],
            "[2] TYPEDEF 'callback_t' type=3\n"
            "[3] PTR '' type=4\n"
            "[4] FUNC_PROTO '' type=1\n"
            "[5] STRUCT 'foo' size=8\n"
            "    'call' type=2 offset=0\n");
}

TEST_F(Modules, AreTakenOneByOne) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  BtfBuilder one(kernel), two(kernel);
  one.Struct("foo", 4, {{"a", i32, 0}});
  two.Struct("foo", 8, {{"a", i32, 32}});
  Start(kernel);
  Add(one.Build());
  Add(two.Build());
  ProgramBuilder program;
  const TypeId ours = program.types.Int("int", 4);
  const TypeId foo = program.types.Struct("foo", 4, {{"a", ours, 0}});
  program.Relocate(foo, "0:0", Kind::kFieldByteOffset);
  const std::vector<std::string> texts = Texts(program.Build());
  EXPECT_EQ(texts[1],
            "[2] STRUCT 'foo' size=4\n"
            "    'a' type=1 offset=0\n");
  EXPECT_EQ(texts[2],
            "[2] STRUCT 'foo' size=8\n"
            "    'a' type=1 offset=32\n");
}

TEST_F(Modules, OfAnotherKernelAreRefused) {
  KernelWithTask kernel;
  Start(kernel);
  const auto other = BaseOf(KernelWithTask());
  BtfBuilder module(kernel);
  module.Struct("foo", 4);
  auto btf = btf::Btf::Parse(module.Build(), other.get(), "module",
                             std::pmr::new_delete_resource());
  ASSERT_TRUE(btf.ok());
  EXPECT_THAT(min_core_->AddModule("m.ko", *btf).message(),
              HasSubstr("m.ko: it is not over this kernel's BTF"));
}

// --- Hostile types -----------------------------------------------------------

// An anonymous struct of two members of the next one, 40 times over: 2^40 ways.
TEST(MinCore, WaysThatMultiplyAreGivenUp) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  TypeId inner = kernel.Struct("", 4, {{"x", i32, 0}});
  for (int i = 0; i < 40; ++i) {
    inner = kernel.Struct("", 4, {{"", inner, 0}, {"", inner, 0}});
  }
  kernel.Struct("task", 4, {{"", inner, 0}});
  EXPECT_THAT(Minimize(kernel, AskTask("0:0", Kind::kFieldByteOffset)),
              AllOf(HasSubstr("prog.bpf.o"), HasSubstr("steps")));
}

// A text of 50,000 bytes holds as many names, 1.2 GB in all.
TEST(MinCore, NamesThatAreEachOthersEndsAreGivenUp) {
  BtfBuilder kernel;
  const uint32_t text = kernel.AppendString(std::string(50000, 'x'));
  std::vector<btf::testing::EnumSpec> values;
  for (uint32_t i = 0; i < 50000; ++i) {
    values.push_back({btf::testing::Name::At(text + i), i});
  }
  kernel.Enum("many", 4, values);
  for (const Kind kind : {Kind::kTypeExists, Kind::kEnumValue}) {
    ProgramBuilder program;
    const TypeId ours = program.types.Enum("many", 4, {{"y", 0}});
    program.Relocate(ours, "0", kind);
    EXPECT_THAT(Minimize(kernel, program.Build()), HasSubstr("steps"));
  }
}

TEST(MinCore, AWayOfTooManyPartsIsAnError) {
  BtfBuilder kernel;
  const TypeId i32 = kernel.Int("int", 4);
  TypeId inner = kernel.Struct("", 4, {{"pid", i32, 0}});
  for (int i = 0; i < 70; ++i) inner = kernel.Struct("", 4, {{"", inner, 0}});
  kernel.Struct("task", 4, {{"", inner, 0}});
  EXPECT_THAT(Minimize(kernel, AskTask("0:0", Kind::kFieldByteOffset)),
              HasSubstr("has more than 64 parts"));
}

TEST(MinCore, TypesThatContainThemselvesEnd) {
  BtfBuilder kernel;
  const TypeId first = kernel.next_id();
  kernel.Typedef("loop", first + 1);
  kernel.Const(first);
  kernel.Array(first + 2, first, 1);
  kernel.Struct("task", 8, {{"pid", first, 0}, {"tasks", first + 2, 32}});
  ProgramBuilder program;
  const TypeId ours = program.types.next_id();
  program.types.Array(ours, ours, 1);
  program.types.Typedef("loop", ours + 2);
  program.types.Typedef("loop", ours + 1);
  const TypeId task = program.types.Struct(
      "task", 8, {{"pid", ours + 1, 0}, {"tasks", ours, 32}});
  for (const char* access : {"0:0", "0:1"}) {
    program.Relocate(task, access, Kind::kFieldExists);
  }
  program.Relocate(task, "0", Kind::kTypeMatches);
  program.Relocate(ours + 1, "0", Kind::kTypeExists);
  EXPECT_THAT(Minimize(kernel, program.Build()), Not(HasSubstr("pid")));
}

}  // namespace
}  // namespace btfd::core
