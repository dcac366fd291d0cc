// SPDX-License-Identifier: Apache-2.0
//
// The stand-in for pahole: which release it stands for, its messages and exit
// codes, and when the real pahole has to do the work.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/module_file.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kNoPath[] = "PATH=/no/such/directory";

constexpr char kSource[] = R"(
struct point { int x, y; float weight; };
struct point origin;
int move(struct point *p, int by) { p->x += by; return p->y; }
)";

std::optional<std::string> Section(const std::string& path,
                                   absl::string_view name) {
  const auto file = elf::ModuleFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return std::nullopt;
  for (uint32_t i = 1; i < file->section_count(); ++i) {
    const elf::Section section = file->section(i);
    if (section.name == name) return std::string(section.content);
  }
  return std::nullopt;
}

class Pahole : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_symlink(daemon_.programs().btfc, bin_.file("pahole"));
    Compile("a.o", kSource, {});
  }

  void Compile(const std::string& object, const std::string& source,
               const std::vector<std::string>& flags) const {
    WriteFile(work_.file("source.c"), source);
    std::vector<std::string> command = {"gcc", "-g", "-O1", "-c", "-o", object};
    command.insert(command.end(), flags.begin(), flags.end());
    command.push_back("source.c");
    const ProcessResult result = RunProcess(command, {{}, work_.path(), ""});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  // Runs btfc under the name pahole. No pahole is in PATH unless `environment`
  // adds one.
  ProcessResult Run(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {}) const {
    std::vector<std::string> command = {bin_.file("pahole")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::vector<std::string> all = {kNoPath, "PAHOLE_LANG_EXCLUDE"};
    all.insert(all.end(), environment.begin(), environment.end());
    return RunProcess(command, {daemon_.Environment(all), work_.path(), ""});
  }

  // Makes a pahole that says that it is of `version`, and writes "by the real
  // one".
  std::vector<std::string> RealPahole(const std::string& version) const {
    const std::string path = bin_.file("real");
    WriteFile(path, absl::StrCat("#!/bin/sh\n"
                                 "case $1 in --version) echo v",
                                 version,
                                 "; exit;; esac\n"
                                 "for word; do case $word in\n"
                                 "  --btf_encode_detached=*)\n"
                                 "    echo by the real one >${word#*=};;\n"
                                 "esac; done\n"));
    fs::permissions(path, fs::perms::owner_all);
    return {"BTFD_PAHOLE=" + path, "PATH=/usr/bin:/bin"};
  }

  uint64_t Count(const std::string& counter) const {
    const ProcessResult status = daemon_.Client({"status", "--json"});
    EXPECT_EQ(status.exit_code, 0) << status.err;
    const std::string key = absl::StrCat("\"", counter, "\":");
    const size_t at = status.out.find(key);
    if (at == std::string::npos) return 0;
    return std::stoull(status.out.substr(at + key.size()));
  }

  std::string Output() const { return ReadFileOrEmpty(work_.file("out")); }

  // Expects that the real pahole takes over, which is counted under `reason`.
  // With BTFD_ENCODER=native it must not be started; instead the message has
  // `words`.
  void ExpectTakeover(const std::vector<std::string>& call,
                      const std::string& reason, const std::string& words,
                      const std::string& version = "1.32") {
    SCOPED_TRACE(reason);
    ASSERT_TRUE(daemon_.Start().ok());
    const uint64_t before = Count("takeover_" + reason);
    fs::remove(work_.file("out"));
    const ProcessResult result = Run(call, RealPahole(version));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(Output(), "by the real one\n");
    EXPECT_EQ(Count("takeover_" + reason), before + 1);

    fs::remove(work_.file("out"));
    std::vector<std::string> native = RealPahole(version);
    native.push_back("BTFD_ENCODER=native");
    const ProcessResult refused = Run(call, native);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr(words));
    EXPECT_FALSE(fs::exists(work_.file("out")));
    EXPECT_EQ(Count("takeover_" + reason), before + 1);
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir bin_, work_;
};

const std::vector<std::string> kCall = {"-J", "--btf_encode_detached=out",
                                        "a.o"};

TEST_F(Pahole, SaysWhatTheReleaseSaysThatItStandsFor) {
  for (const auto& [version, number] :
       {std::pair("1.24", "124"), std::pair("1.30", "130"),
        std::pair("1.31", "131"), std::pair("1.32", "132")}) {
    const std::string variable = absl::StrCat("BTFD_PAHOLE_VERSION=", version);
    EXPECT_EQ(Run({"--version"}, {variable}).out,
              absl::StrCat("v", version, "\n"));
    EXPECT_EQ(Run({"--numeric_version"}, {variable}).out,
              absl::StrCat(number, "\n"));
  }
  EXPECT_EQ(Run({"--version"}).out, "v1.32\n");
  EXPECT_THAT(Run({"--supported_btf_features"}).out,
              ::testing::AllOf(HasSubstr("encode_force,var,"),
                               HasSubstr("true_signature")));
  EXPECT_THAT(
      Run({"--supported_btf_features"}, {"BTFD_PAHOLE_VERSION=1.30"}).out,
      ::testing::AllOf(HasSubstr("encode_force,var,"),
                       Not(HasSubstr("true_signature"))));
}

// The oracles themselves: ours lists the features that the real releases list.
TEST_F(Pahole, ListsTheFeaturesThatTheRealOnesList) {
  for (const char* version : {"1.30", "1.32"}) {
    const std::string real =
        absl::StrCat(TestdataRoot(), "/peers/pahole-", version, "/pahole");
    for (const char* question :
         {"--version", "--numeric_version", "--supported_btf_features"}) {
      const ProcessResult theirs = RunProcess({real, question});
      ASSERT_EQ(theirs.exit_code, 0) << theirs.err;
      const ProcessResult ours =
          Run({question}, {absl::StrCat("BTFD_PAHOLE_VERSION=", version)});
      EXPECT_EQ(ours.out, theirs.out) << version;
    }
  }
}

TEST_F(Pahole, StandsForTheRealOneThatIsThere) {
  EXPECT_EQ(Run({"--version"}, RealPahole("1.30")).out, "v1.30\n");
  EXPECT_EQ(Run({"--version"}, RealPahole("1.24")).out, "v1.24\n");
  std::vector<std::string> named = RealPahole("1.24");
  named.push_back("BTFD_PAHOLE_VERSION=1.32");
  EXPECT_EQ(Run({"--version"}, named).out, "v1.32\n");
  const ProcessResult verbose = Run({"-V", "-J", "a.o"}, RealPahole("1.30"));
  EXPECT_EQ(verbose.exit_code, 0) << verbose.err;
  EXPECT_THAT(verbose.err,
              HasSubstr("stands for pahole 1.30 (" + bin_.file("real") + ")"));
}

TEST_F(Pahole, RefusesVariablesThatItDoesNotKnow) {
  const ProcessResult version = Run(kCall, {"BTFD_PAHOLE_VERSION=1.26"});
  EXPECT_EQ(version.exit_code, 1);
  EXPECT_THAT(version.err, HasSubstr("1.24, 1.30, 1.31 or 1.32, not '1.26'"));
  const ProcessResult encoder = Run(kCall, {"BTFD_ENCODER=fast"});
  EXPECT_EQ(encoder.exit_code, 1);
  EXPECT_THAT(encoder.err, HasSubstr("native or pahole, not 'fast'"));
  EXPECT_FALSE(fs::exists(work_.file("out")));
}

// The installed pahole 1.24 is the oracle.
TEST_F(Pahole, EncodesIntoAFileAsTheRealOneDoes) {
  ASSERT_EQ(RunProcess({"pahole", "-J", "--btf_gen_floats",
                        "--btf_encode_detached=theirs", "a.o"},
                       {{}, work_.path(), ""})
                .exit_code,
            0);
  const ProcessResult result =
      Run({"-J", "--btf_gen_floats", "--btf_encode_detached", "out", "a.o"},
          {"BTFD_PAHOLE_VERSION=1.24"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, IsEmpty());
  EXPECT_EQ(Output(), ReadFileOrEmpty(work_.file("theirs")));
  struct stat theirs, ours;
  ASSERT_EQ(stat(work_.file("theirs").c_str(), &theirs), 0);
  ASSERT_EQ(stat(work_.file("out").c_str(), &ours), 0);
  EXPECT_EQ(ours.st_mode, theirs.st_mode);
}

TEST_F(Pahole, EncodesIntoTheElfAsTheRealOneDoes) {
  fs::copy_file(work_.file("a.o"), work_.file("theirs.o"));
  const ProcessResult theirs =
      RunProcess({"pahole", "-J", "--btf_gen_floats", "theirs.o"},
                 {{"LLVM_OBJCOPY=objcopy"}, work_.path(), ""});
  ASSERT_EQ(theirs.exit_code, 0) << theirs.err;
  // Twice: the second time there is a section to replace.
  for (int i = 0; i < 2; ++i) {
    const ProcessResult result =
        Run({"-J", "--btf_gen_floats", "a.o"}, {"BTFD_PAHOLE_VERSION=1.24"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(Section(work_.file("a.o"), ".BTF") ==
                Section(work_.file("theirs.o"), ".BTF"));
  }
  const auto file = elf::ModuleFile::Open(work_.file("a.o"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->btf().has_value());
  EXPECT_EQ(file->btf()->header.sh_flags, 0u);
  EXPECT_EQ(file->btf()->header.sh_addralign, 1u);
}

TEST_F(Pahole, DistillsTheBaseIntoTheElf) {
  Compile("base.o", kSource, {});
  ASSERT_EQ(Run({"-J", "--btf_encode_detached=base.btf", "base.o"}).exit_code,
            0);
  Compile("b.o",
          absl::StrCat(kSource,
                       "struct own { struct point p; };\n"
                       "int f(struct own *o) { return o->p.x; }\n"),
          {});
  const ProcessResult result =
      Run({"-J", "--btf_features=default,distilled_base", "--btf_base",
           "base.btf", "b.o"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(Section(work_.file("b.o"), ".BTF").has_value());
  EXPECT_TRUE(Section(work_.file("b.o"), ".BTF.base").has_value());
}

// The releases differ in what they call an error.
TEST_F(Pahole, EndsAsItsReleaseDoesWithoutDwarf) {
  ASSERT_EQ(
      RunProcess({"objcopy", "--strip-debug", work_.file("a.o")}).exit_code, 0);
  WriteFile(work_.file("text"), "no ELF\n");
  for (const char* input : {"a.o", "text", "missing"}) {
    const std::vector<std::string> call = {"-J", "--btf_encode_detached=out",
                                           input};
    for (const char* silent : {"1.31", "1.32"}) {
      const ProcessResult result =
          Run(call, {absl::StrCat("BTFD_PAHOLE_VERSION=", silent)});
      EXPECT_EQ(result.exit_code, 0) << input;
      EXPECT_EQ(result.err, "") << input;
    }
    for (const char* loud : {"1.24", "1.30"}) {
      const ProcessResult result =
          Run(call, {absl::StrCat("BTFD_PAHOLE_VERSION=", loud)});
      EXPECT_EQ(result.exit_code, 1) << input;
      EXPECT_THAT(result.err, HasSubstr(absl::StrCat("pahole: ", input,
                                                     ": Invalid argument")));
    }
    EXPECT_FALSE(fs::exists(work_.file("out"))) << input;
  }
}

TEST_F(Pahole, EndsAsItsReleaseDoesWhereEncodingFails) {
  // BTF cannot describe a complex number.
  Compile("a.o",
          "_Complex double number;\n_Complex double *f(void) "
          "{ return &number; }\n",
          {});
  for (const auto& [version, exit_code] :
       {std::pair("1.24", 1), std::pair("1.30", 1), std::pair("1.32", 0)}) {
    const ProcessResult result = Run(
        {"-J", "--btf_features=default", "--btf_gen_floats",
         "--btf_encode_detached=out", "a.o"},
        {absl::StrCat("BTFD_PAHOLE_VERSION=", version), "BTFD_ENCODER=native"});
    if (std::string(version) == "1.24") continue;  // does not know features
    EXPECT_EQ(result.exit_code, exit_code) << version << result.err;
    EXPECT_THAT(result.err, HasSubstr("Error while encoding BTF.")) << version;
    EXPECT_FALSE(fs::exists(work_.file("out")));
  }
}

TEST_F(Pahole, FailsWhereTheBaseOrTheOutputIsWrong) {
  const ProcessResult missing =
      Run({"-J", "--btf_base", "no.btf", "--btf_encode_detached=out", "a.o"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("Failed to parse base BTF 'no.btf': -2"));
  WriteFile(work_.file("no.btf"), "no BTF");
  const ProcessResult bad =
      Run({"-J", "--btf_base", "no.btf", "--btf_encode_detached=out", "a.o"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.err, HasSubstr("Failed to parse base BTF 'no.btf': -22"));
  const ProcessResult output =
      Run({"-J", "--btf_encode_detached=no/such/out", "a.o"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_THAT(output.err, HasSubstr("Failed to encode BTF"));
  const ProcessResult language = Run({"-J", "--lang_exclude=klingon", "a.o"});
  EXPECT_EQ(language.exit_code, 1);
  EXPECT_THAT(language.err, HasSubstr("klingon"));
  const ProcessResult feature =
      Run({"-J", "--btf_features_strict=warp", "a.o"});
  EXPECT_EQ(feature.exit_code, 1);
  EXPECT_THAT(feature.err, HasSubstr("warp"));
}

TEST_F(Pahole, FiltersLanguagesByTheEnvironment) {
  const ProcessResult all = Run(kCall, {"PAHOLE_LANG_EXCLUDE=rust"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(Output(), HasSubstr("point"));
  fs::remove(work_.file("out"));
  // gcc names the language C11. So nothing is left, and no file is written.
  const ProcessResult none = Run(kCall, {"PAHOLE_LANG_EXCLUDE=c11"});
  EXPECT_EQ(none.exit_code, 0) << none.err;
  EXPECT_FALSE(fs::exists(work_.file("out")));
}

TEST_F(Pahole, LeavesToTheRealOneWhatItCannotDo) {
  ExpectTakeover({"-J", "--btf_encode_detached=out", "--no_such_option", "a.o"},
                 "options", "by the options it knows");
  ExpectTakeover(kCall, "version", "its version is not known here: v1.27",
                 "1.27");
  ExpectTakeover({"-J", "--btf_features=true_signature",
                  "--btf_encode_detached=out", "a.o"},
                 "feature", "the feature true_signature");
  Compile("a.o", kSource, {"-gdwarf-4", "-fdebug-types-section"});
  ExpectTakeover(kCall, "type_units", ".debug_types at offset 0");
  Compile("a.o", kSource, {"-gsplit-dwarf"});
  ExpectTakeover(kCall, "dwz", "skeleton unit (split DWARF)");
}

TEST_F(Pahole, LeavesAllToTheRealOneIfAsked) {
  ASSERT_TRUE(daemon_.Start().ok());
  std::vector<std::string> environment = RealPahole("1.32");
  environment.push_back("BTFD_ENCODER=pahole");
  const ProcessResult result = Run(kCall, environment);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Output(), "by the real one\n");
  EXPECT_EQ(Count("takeover_asked"), 1u);
  const ProcessResult status = daemon_.Client({"status"});
  EXPECT_THAT(status.out, HasSubstr("takeovers  1 asked (1 asked)"));
}

TEST_F(Pahole, SaysThatTheRealOneIsNeededAndMissing) {
  const ProcessResult shown = Run({"-C", "point", "a.o"});
  EXPECT_EQ(shown.exit_code, 127);
  EXPECT_THAT(shown.err, HasSubstr("it is needed: btfc only encodes BTF"));
  const ProcessResult feature = Run({"-J", "--btf_features=true_signature",
                                     "--btf_encode_detached=out", "a.o"});
  EXPECT_EQ(feature.exit_code, 127);
  EXPECT_THAT(feature.err, HasSubstr("the feature true_signature"));
}

// A set of kfuncs, as the kernel's BTF_KFUNCS_START makes it. It names a
// function that does not exist.
constexpr char kKfuncs[] = R"(
int here(int x) { return x + 1; }
asm(".pushsection .BTF_ids,\"a\"\n"
    "__BTF_ID__set8__demo: .long 0, 1\n"
    "__BTF_ID__func__here__1: .long 0, 0\n"
    "__BTF_ID__func__gone__2: .long 0, 0\n"
    ".size __BTF_ID__set8__demo, 24\n"
    ".size __BTF_ID__func__here__1, 8\n"
    ".size __BTF_ID__func__gone__2, 8\n"
    ".type __BTF_ID__set8__demo, @object\n"
    ".type __BTF_ID__func__here__1, @object\n"
    ".type __BTF_ID__func__gone__2, @object\n"
    ".popsection\n");
)";

TEST_F(Pahole, WarnsOfAKfuncThatGotNoFunc) {
  Compile("a.o", kKfuncs, {});
  const ProcessResult result = Run(kCall);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("WARN: a.o: kfunc gone has no FUNC"));
  EXPECT_THAT(result.err, Not(HasSubstr("kfunc here")));
  EXPECT_NE(Output(), "");
  fs::remove(work_.file("out"));
  std::vector<std::string> strict = kCall;
  strict.push_back("--require-kfuncs");
  const ProcessResult refused = Run(strict);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("kfunc gone has no FUNC"));
  EXPECT_FALSE(fs::exists(work_.file("out")));
}

TEST_F(Pahole, ExplainsOnStderr) {
  Compile("a.o", R"(
      struct big { int a[8]; } __attribute__((packed));
      __attribute__((noinline)) static int f(int x) { return x; }
      int g(int x) { return f(x); })",
          {"-O2"});
  Compile("b.o", R"(
      __attribute__((noinline)) static long f(long *x) { return *x; }
      long h(long *x) { return f(x); })",
          {"-O2"});
  ASSERT_EQ(RunProcess({"ld", "-r", "-o", "ab.o", "a.o", "b.o"},
                       {{}, work_.path(), ""})
                .exit_code,
            0);
  const ProcessResult result = Run({"--explain", "-J", "--btf_features=default",
                                    "--btf_encode_detached=out", "ab.o"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, ::testing::ContainsRegex(
                              "ab\\.o: f: no FUNC: [a-z ]+ \\(DIE 0x"));
  EXPECT_NE(Output(), "");
}

}  // namespace
}  // namespace btfd::tests
