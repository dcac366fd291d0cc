// SPDX-License-Identifier: Apache-2.0
//
// Bad input, one test for each kind. The message must name file, section and
// offset. The exit code must be upstream's (1 in our own commands). The module
// must be unchanged, no file may be left, and the same daemon must finalize the
// next good module.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/btf/testing/builder.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/engine/testing/ids_builder.h"
#include "tests/support/peer.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using btf::testing::BtfBuilder;
using elf::ElfBuilder;
using ::testing::AllOf;
using ::testing::HasSubstr;

class BadInput : public ::testing::Test {
 protected:
  BadInput() {
    const btf::TypeId number = base_.Int("int", 4);
    base_.Struct("task", 8, {{"a", number, 0}, {"b", number, 32}});
    base_path_ = scratch_.file("vmlinux.btf");
    WriteFile(base_path_, base_.Build());
    module_path_ = scratch_.file("module.ko");
  }

  void SetUp() override {
    ASSERT_TRUE(daemon_.Start().ok());
    auto pid = daemon_.Pid();
    ASSERT_TRUE(pid.ok()) << pid.status();
    pid_ = *pid;
  }

  // After each test the same daemon must still run and work.
  void TearDown() override {
    auto pid = daemon_.Pid();
    ASSERT_TRUE(pid.ok()) << pid.status();
    EXPECT_EQ(*pid, pid_);
    const std::string good = scratch_.file("good.ko");
    WriteFile(good, GoodModule());
    const ProcessResult result =
        daemon_.Client({"finalize", "--base", base_path_, good});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  std::string GoodBtf() {
    BtfBuilder split(base_);
    split.Struct("mine", 8, {{"task", split.Ptr(2), 0}});
    return split.Build();
  }

  std::string GoodModule() { return Module(GoodBtf()).Build(); }

  static ElfBuilder Module(const std::string& btf) {
    ElfBuilder module;
    module.AddSection(".text", std::string(16, '\x90'));
    module.AddSection(".BTF", btf);
    return module;
  }

  // A module with .BTF_ids of `words` words. The caller adds the symbols.
  static ElfBuilder ModuleWithIds(const std::string& btf, size_t words,
                                  uint32_t* ids) {
    ElfBuilder module = Module(btf);
    *ids = module.AddSection(".BTF_ids", std::string(4 * words, '\0'));
    return module;
  }

  // Both commands must refuse `content` with a message that fits `matcher`.
  template <typename Matcher>
  void ExpectRefused(const std::string& content, const Matcher& matcher) {
    WriteFile(module_path_, content);
    const ProcessResult own =
        daemon_.Client({"finalize", "--base", base_path_, module_path_});
    EXPECT_EQ(own.exit_code, 1) << own.err;
    EXPECT_THAT(own.err, AllOf(HasSubstr(module_path_), matcher));
    ExpectUntouched(content);

    const ProcessResult drop_in = daemon_.Client(
        {"resolve_btfids", "--btf_base", base_path_, module_path_},
        {"BTFD_PROFILE=7.2"});
    EXPECT_EQ(drop_in.exit_code, 255) << drop_in.err;
    EXPECT_THAT(drop_in.err, AllOf(HasSubstr(module_path_), matcher));
    ExpectUntouched(content);
  }

  void ExpectUntouched(const std::string& content) {
    EXPECT_TRUE(ReadFileOrEmpty(module_path_) == content);
    for (const char* suffix : {".BTF", ".BTF.base", ".BTF_ids"}) {
      EXPECT_FALSE(fs::exists(module_path_ + suffix)) << suffix;
    }
  }

  ScratchDir scratch_;
  BtfBuilder base_;
  std::string base_path_;
  std::string module_path_;
  PrivateDaemon daemon_{Programs::OfRunfiles()};
  int pid_ = 0;
};

TEST_F(BadInput, ATruncatedElf) {
  const std::string module = GoodModule();
  ExpectRefused(module.substr(0, module.size() / 2), HasSubstr("section"));
  ExpectRefused(module.substr(0, 20), HasSubstr("ELF"));
  ExpectRefused("", HasSubstr("ELF"));
}

TEST_F(BadInput, ASectionTableBeyondTheFile) {
  std::string module = GoodModule();
  const uint64_t far = uint64_t{1} << 40;
  std::memcpy(&module[offsetof(Elf64_Ehdr, e_shoff)], &far, sizeof(far));
  ExpectRefused(module, HasSubstr("section"));
}

TEST_F(BadInput, ASectionThatClaimsMoreThanTheFile) {
  ElfBuilder builder = Module(GoodBtf());
  std::string module = builder.Build();
  // Changes sh_size of the second section, in the table at the end of the file.
  Elf64_Ehdr header;
  std::memcpy(&header, module.data(), sizeof(header));
  const uint64_t size = uint64_t{1} << 30;
  std::memcpy(&module[header.e_shoff + 2 * sizeof(Elf64_Shdr) +
                      offsetof(Elf64_Shdr, sh_size)],
              &size, sizeof(size));
  ExpectRefused(module, HasSubstr("section 2"));
}

TEST_F(BadInput, BtfIdsWithoutASymbolTable) {
  uint32_t ids;
  const std::string module = ModuleWithIds(GoodBtf(), 2, &ids).Build();
  WriteFile(module_path_, module);
  // Upstream's tool ignores these ids without a message, and so does the
  // drop-in.
  const ProcessResult drop_in =
      daemon_.Client({"resolve_btfids", "--btf_base", base_path_, module_path_},
                     {"BTFD_PROFILE=7.2"});
  EXPECT_EQ(drop_in.exit_code, 0) << drop_in.err;
  EXPECT_TRUE(fs::exists(module_path_ + ".BTF"));
  EXPECT_FALSE(fs::exists(module_path_ + ".BTF_ids"));
  // Our own command must not call a module finished if its ids are not.
  const ProcessResult own =
      daemon_.Client({"finalize", "--base", base_path_, module_path_});
  EXPECT_EQ(own.exit_code, 1);
  EXPECT_THAT(own.err, AllOf(HasSubstr(module_path_), HasSubstr(".BTF_ids"),
                             HasSubstr("symbol table")));
  EXPECT_TRUE(ReadFileOrEmpty(module_path_) == module);
}

TEST_F(BadInput, BtfWithoutContent) {
  ElfBuilder nobits = Module(GoodBtf());
  nobits.header(2).sh_type = SHT_NOBITS;
  ExpectRefused(nobits.Build(), HasSubstr(".BTF"));
  ExpectRefused(Module("").Build(), HasSubstr(".BTF"));
}

TEST_F(BadInput, BtfOfAWrongMagic) {
  std::string btf = GoodBtf();
  btf[0] ^= 0x40;
  ExpectRefused(Module(btf).Build(),
                AllOf(HasSubstr(".BTF"), HasSubstr("magic")));
}

TEST_F(BadInput, NoBtfAtAll) {
  ElfBuilder module;
  module.AddSection(".text", "code");
  ExpectRefused(module.Build(), HasSubstr(".BTF"));
}

TEST_F(BadInput, ATypeIdOutOfRange) {
  BtfBuilder split(base_);
  split.Ptr(4711);
  ExpectRefused(
      Module(split.Build()).Build(),
      AllOf(HasSubstr(".BTF"), HasSubstr("4711"), HasSubstr("offset")));
}

TEST_F(BadInput, ACycleOfPointers) {
  BtfBuilder split(base_);
  split.Const(split.next_id() + 1);
  split.Ptr(split.next_id() - 1);
  WriteFile(module_path_, Module(split.Build()).Build());
  const std::string content = ReadFileOrEmpty(module_path_);
  // Only dedup follows references; libbpf returns ELOOP here.
  const ProcessResult result = daemon_.Client(
      {"finalize", "--dedup", "--base", base_path_, module_path_});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr(module_path_), HasSubstr(".BTF"),
                                HasSubstr("cycle")));
  ExpectUntouched(content);
}

TEST_F(BadInput, AStringOffsetBeyondTheSection) {
  BtfBuilder split(base_);
  split.Struct(btf::testing::Name::At(99999), 4);
  ExpectRefused(
      Module(split.Build()).Build(),
      AllOf(HasSubstr(".BTF"), HasSubstr("99999"), HasSubstr("offset")));
}

TEST_F(BadInput, TheBaseOfAnotherKernel) {
  BtfBuilder other;
  for (int i = 0; i < 100; ++i) other.Int(absl::StrCat("int", i), 4);
  BtfBuilder split(other);
  split.Ptr(100);
  ExpectRefused(Module(split.Build()).Build(), HasSubstr("base"));
}

TEST_F(BadInput, ABaseThatIsDefective) {
  WriteFile(module_path_, GoodModule());
  const std::string bad_base = scratch_.file("bad.btf");
  WriteFile(bad_base, base_.Build().substr(0, 40));
  const ProcessResult result =
      daemon_.Client({"finalize", "--base", bad_base, module_path_});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(bad_base));
}

TEST_F(BadInput, AnIdOutsideBtfIds) {
  uint32_t ids;
  ElfBuilder module = ModuleWithIds(GoodBtf(), 2, &ids);
  module.AddSymbol("__BTF_ID__struct__mine__1", ids, 4096, 4);
  ExpectRefused(module.Build(),
                AllOf(HasSubstr(".BTF_ids"), HasSubstr("4096")));
}

TEST_F(BadInput, MoreThanAHundredPlacesForOneSymbol) {
  uint32_t ids;
  ElfBuilder module = ModuleWithIds(GoodBtf(), 101, &ids);
  for (int i = 0; i < 101; ++i) {
    module.AddSymbol(absl::StrCat("__BTF_ID__struct__mine__", i), ids, 4 * i,
                     4);
  }
  ExpectRefused(module.Build(), AllOf(HasSubstr(".BTF_ids"), HasSubstr("mine"),
                                      HasSubstr("100")));
}

TEST_F(BadInput, ASymbolOfAnUnknownKind) {
  uint32_t ids;
  ElfBuilder module = ModuleWithIds(GoodBtf(), 1, &ids);
  module.AddSymbol("__BTF_ID__gadget__mine__1", ids, 0, 4);
  ExpectRefused(module.Build(),
                AllOf(HasSubstr(".BTF_ids"), HasSubstr("gadget")));
}

// The whole of stderr is compared: the error is in upstream's words, prefix
// included, and nothing is put before it once more.
TEST_F(BadInput, AnArenaResultThatIsNoPointer) {
  const auto peer = FindPeer("7.3");
  ASSERT_TRUE(peer.ok()) << peer.status();
  constexpr uint32_t kKfArenaRet = 1 << 13;
  BtfBuilder split(base_);
  split.Func("bpf_foo", split.Proto(/*returns=*/1));
  engine::testing::IdsBuilder set;
  const engine::IdsSection section = set.BeginSet8("s", /*set_flags=*/1)
                                         .Entry("func", "bpf_foo", kKfArenaRet)
                                         .EndSet()
                                         .Build();
  ElfBuilder module = Module(split.Build());
  const uint32_t ids = module.AddSection(".BTF_ids", section.content);
  module.header(ids).sh_flags = SHF_ALLOC;
  for (const engine::IdSymbol& symbol : section.symbols) {
    module.AddSymbol(symbol.name, ids, symbol.value, symbol.size);
  }
  WriteFile(module_path_, module.Build());
  const std::vector<std::string> arguments = {"--btf_base", base_path_,
                                              module_path_};
  std::vector<std::string> theirs = {*peer}, ours = {"resolve_btfids"};
  theirs.insert(theirs.end(), arguments.begin(), arguments.end());
  ours.insert(ours.end(), arguments.begin(), arguments.end());
  const ProcessResult expected = RunProcess(theirs);
  ASSERT_EQ(expected.err,
            "ERROR: resolve_btfids: kfunc bpf_foo: arena type is not a "
            "pointer\n");
  const ProcessResult result = daemon_.Client(ours, {"BTFD_PROFILE=7.3"});
  EXPECT_EQ(result.exit_code, expected.exit_code);
  EXPECT_EQ(result.err, expected.err);
}

TEST_F(BadInput, FilesThatCannotBeRead) {
  const std::string missing = scratch_.file("missing.ko");
  ProcessResult result =
      daemon_.Client({"finalize", "--base", base_path_, missing});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr(missing), HasSubstr("No such file")));
  result = daemon_.Client({"resolve_btfids", "-b", base_path_, missing});
  EXPECT_EQ(result.exit_code, 255);
  EXPECT_THAT(result.err, HasSubstr(missing));

  WriteFile(module_path_, GoodModule());
  result = daemon_.Client({"finalize", "--base", missing, module_path_});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr(missing), HasSubstr("No such file")));
  result = daemon_.Client({"resolve_btfids", "-b", missing, module_path_},
                          {"BTFD_PROFILE=7.2"});
  EXPECT_EQ(result.exit_code, 255);
  EXPECT_THAT(result.err, HasSubstr(missing));
  ExpectUntouched(GoodModule());

  result = daemon_.Client({"finalize", "--base", base_path_, scratch_.path()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(scratch_.path()));
}

// A limit of the file size takes the part of a full disk: write(2) fails
// half-way.
TEST_F(BadInput, AFullDisk) {
  const std::string content = GoodModule() + std::string(64 << 10, '\0');
  WriteFile(module_path_, content);
  const auto limited = [&](const std::string& command) {
    return RunProcess({"sh", "-c",
                       absl::StrFormat("trap '' XFSZ; ulimit -f 1; exec %s %s",
                                       daemon_.programs().btfc, command)},
                      {daemon_.Environment({"BTFD_PROFILE=7.2"}), "", ""});
  };
  ProcessResult result = limited(absl::StrFormat(
      "finalize --base %s --distill=always %s", base_path_, module_path_));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr(module_path_), HasSubstr("large")));
  ExpectUntouched(content);

  // The files beside the module: the BTF is larger than the limit.
  BtfBuilder split(base_);
  for (int i = 0; i < 2000; ++i) split.Struct(absl::StrCat("s", i), 4);
  const std::string big = Module(split.Build()).Build();
  WriteFile(module_path_, big);
  result = limited(absl::StrFormat("resolve_btfids --btf_base %s %s",
                                   base_path_, module_path_));
  EXPECT_EQ(result.exit_code, 255) << result.err;
  EXPECT_THAT(result.err, HasSubstr(module_path_ + ".BTF"));
  ExpectUntouched(big);
}

}  // namespace
}  // namespace btfd::tests
