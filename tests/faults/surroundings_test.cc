// SPDX-License-Identifier: Apache-2.0
//
// The programs where a machine, a container or a caller is unusual: outputs
// that are no regular files, files that cannot be replaced, no /proc, closed
// standard streams, several copies of our programs in PATH. Each case is a few
// lines of shell. A case that mounts something runs in a mount namespace of its
// own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/elf/module_file.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/faults/fixture.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kOther[] = "65534";

class Surroundings : public DaemonFaults {
 protected:
  Surroundings() {
    const Programs programs = Programs::OfRunfiles();
    fs::create_directory(bin_);
    fs::copy_file(programs.btfd, bin_ + "/btfd");
    fs::copy_file(programs.btfc, bin_ + "/btfc");
    fs::copy_file(programs.resolve_btfids, bin_ + "/resolve_btfids");
  }
  void SetUp() override {
    DaemonFaults::SetUp();
    fs::copy_file(Original(0), here_.file("m.ko"));
    WriteFile(here_.file("expected"), expected_[0]);
  }

  // Runs a shell script in the directory here_. $F stands for the arguments
  // that finalize m.ko to the expected bytes, and $B for the base. The programs
  // are in PATH, with the daemon beside them.
  ProcessResult Script(const std::string& script,
                       std::vector<std::string> prefix = {},
                       std::vector<std::string> environment = {}) const {
    environment.insert(
        environment.begin(),
        {"BTFD_DAEMON", absl::StrCat("PATH=", bin_, ":/usr/sbin:/usr/bin:/bin"),
         "B=" + base_path_,
         absl::StrCat("F=finalize --base ", base_path_,
                      " --profile=7.2 --distill=always --dedup")});
    prefix.insert(prefix.end(), {"timeout", "60", "sh", "-ec", script});
    return RunProcess(prefix,
                      {daemon_.Environment(environment), here_.path(), ""});
  }
  ProcessResult InMounts(const std::string& script) const {
    return Script(script, {"unshare", geteuid() == 0 ? "-m" : "-Urm"});
  }
  static void ExpectSuccess(const ProcessResult& result) {
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  const ScratchDir here_{"/tmp"};
  const std::string bin_ = here_.file("bin");
};

// ---- Outputs that are no regular files are written through.

TEST_F(Surroundings, AnOutputThatIsAFifoStaysOne) {
  ExpectSuccess(
      Script("mkfifo p; cat p >got & btfc $F --output p m.ko; wait\n"
             "test -p p; cmp got expected"));
}

TEST_F(Surroundings, AnOutputThatIsADeviceStaysOne) {
  if (geteuid() != 0) return;  // only root can make one
  ExpectSuccess(
      Script("mknod null c 1 3; btfc $F --output null m.ko; test -c null\n"
             "ln -s null link; btfc $F --output link m.ko; test -c null\n"
             "mknod m2.ko.BTF c 1 3; cp m.ko m2.ko\n"
             "BTFD_PROFILE=7.2 resolve_btfids -b $B m2.ko; test -c m2.ko.BTF"));
}

TEST_F(Surroundings, StandardOutputIsAnOutput) {
  ExpectSuccess(
      Script("btfc $F --output /dev/stdout m.ko >got\n"
             "cmp got expected; rm got\n"
             "btfc $F --output /dev/stdout m.ko | cat >got\n"
             "cmp got expected\n"
             "(echo before; cat expected) >all; echo before >got\n"
             "btfc $F --output /dev/fd/1 m.ko >>got; cmp got all"));
}

TEST_F(Surroundings, AModuleThatIsNoRegularFileIsRefused) {
  const ProcessResult result = Script(
      "export BTFD_PROFILE=7.2\n"
      "mkfifo p; btfc $F p && exit 3; test -p p\n"
      "resolve_btfids p && exit 3; test -p p\n"
      "resolve_btfids -b p m.ko && exit 3; btfc finalize --base p m.ko");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("btfc: p: not a regular file"));
  EXPECT_THAT(result.err,
              HasSubstr("ERROR: resolve_btfids: p: not a regular file"));
}

// ---- A file that cannot be replaced is overwritten.

TEST_F(Surroundings, AFileThatIsAMountPointIsFinalized) {
  const ProcessResult result =
      InMounts("mount --bind m.ko m.ko; btfc $F m.ko; cmp m.ko expected");
  ExpectSuccess(result);
  EXPECT_THAT(result.err, HasSubstr("m.ko: is overwritten in its place (cannot "
                                    "put the finished file in its place: "
                                    "Device or resource busy)"));
}

TEST_F(Surroundings, SideFilesThatAreMountPointsAreWritten) {
  const ProcessResult result = InMounts(
      "export BTFD_PROFILE=7.2; cp m.ko a.ko; resolve_btfids -b $B a.ko\n"
      "echo old >m.ko.BTF; mount --bind m.ko.BTF m.ko.BTF\n"
      "resolve_btfids -b $B m.ko; cmp m.ko.BTF a.ko.BTF");
  ExpectSuccess(result);
  EXPECT_THAT(result.err,
              HasSubstr("resolve_btfids: m.ko.BTF: is overwritten"));
}

TEST_F(Surroundings, AFileInADirectoryThatCannotBeWrittenToIsFinalized) {
  if (geteuid() != 0) return;  // only root can become another user
  const std::string user =
      absl::StrCat("--reuid=", kOther, " --regid=", kOther);
  const ProcessResult result = Script(
      absl::StrCat("mkdir run; cp $B base; chmod 755 . bin; chmod 700 run\n"
                   "chown ",
                   kOther,
                   " m.ko run base\n"
                   "export BTFD_RUNTIME_DIR=$PWD/run XDG_CACHE_HOME=$PWD/run\n"
                   "export XDG_CONFIG_HOME=$PWD/run\n"
                   "export BTFD_DISABLE=1 BTFD_REQUIRE=0\n"
                   "setpriv --clear-groups ",
                   user,
                   " btfc finalize --base base "
                   "--profile=7.2 --distill=always --dedup m.ko\n"
                   "cmp m.ko expected"));
  ExpectSuccess(result);
  EXPECT_THAT(result.err, HasSubstr("m.ko: is overwritten in its place (cannot "
                                    "create a temporary file beside it: "
                                    "Permission denied)"));
}

TEST_F(Surroundings, WithoutRoomForASecondCopyAModuleIsFinalized) {
  const auto small = elf::ModuleFile::Open(Original(0));
  ASSERT_TRUE(small.ok()) << small.status();
  elf::ElfBuilder large;
  large.AddSection(".text", std::string(1 << 20, '\x90'));
  large.AddSection(".BTF", std::string(*small->BtfContent()));
  WriteFile(here_.file("large.ko"), large.Build());
  const ProcessResult result = InMounts(
      "btfc $F --output wanted large.ko; mkdir t\n"
      "mount -t tmpfs -o size=1500k none t; cp large.ko t/m.ko\n"
      "btfc $F t/m.ko; cmp t/m.ko wanted; test $(ls -A t | wc -l) = 1\n"
      // If there is no room for the file to grow: an error, and the old file.
      "cp large.ko t/m.ko; dd if=/dev/zero of=t/fill 2>dd || true\n"
      "btfc $F t/m.ko && exit 3; cmp t/m.ko large.ko");
  ExpectSuccess(result);
  EXPECT_THAT(result.err, HasSubstr("t/m.ko: is overwritten in its place"));
  EXPECT_THAT(result.err, HasSubstr("No space left on device"));
}

// ---- Without /proc.

TEST_F(Surroundings, WithoutProcTheDaemonIsFoundAndLinesAreRead) {
  const ProcessResult result = InMounts(
      "cp m.ko a.ko; cp m.ko b.ko; mount -t tmpfs none /proc\n"
      "export PATH=/usr/bin:/bin BTFD_PROFILE=7.2\n"
      "bin/resolve_btfids -b $B a.ko; test -s a.ko.BTF\n"
      "echo m.ko | bin/btfc $F --from-file - ; cmp m.ko expected\n"
      "bin/btfc stop; cd bin; ./resolve_btfids -b $B ../b.ko\n"
      "cmp ../a.ko.BTF ../b.ko.BTF; ./btfc stop");
  ExpectSuccess(result);
  EXPECT_EQ(result.err, "");
}

// ---- Closed standard streams.

TEST_F(Surroundings, ClosedStreamsLeaveTheModuleAlone) {
  const auto small = elf::ModuleFile::Open(Original(0));
  ASSERT_TRUE(small.ok()) << small.status();
  elf::ElfBuilder elf;
  elf.AddSection(".BTF", std::string(*small->BtfContent()));
  const uint32_t ids = elf.AddSection(".BTF_ids", std::string(8, '\0'));
  elf.AddSymbol("__BTF_ID__func__there_is_none__1", ids, 0, 4);
  elf.AddSymbol("__BTF_ID__struct__task__2", ids, 4, 4);
  WriteFile(here_.file("ids.ko"), elf.Build());
  const ProcessResult result = Script(
      "export BTFD_PROFILE=6.x; cp ids.ko wanted\n"
      "resolve_btfids -b $B wanted 2>told; grep -q 'unresolved symbol' told\n"
      "for close in '2>&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do\n"
      "  for program in resolve_btfids 'btfc resolve_btfids'; do\n"
      "    cp ids.ko a.ko; eval \"$program -b \\$B a.ko $close\"\n"
      "    cmp a.ko wanted\n"
      "  done\n"
      "  cp m.ko c.ko; eval \"btfc \\$F c.ko $close\"; cmp c.ko expected\n"
      "done\n"
      // A daemon that is started with closed streams must work, too.
      "btfc stop; cp m.ko d.ko; btfc $F d.ko <&- >&- 2>&-; cmp d.ko expected");
  ExpectSuccess(result);
}

TEST_F(Surroundings, IgnoredChildrenAreWaitedForAllTheSame) {
  WriteFile(here_.file("pahole"),
            "#!/bin/sh\nfor word; do case $word in --btf_encode_detached=*)\n"
            "cp made ${word#*=};; esac; done\n");
  const auto small = elf::ModuleFile::Open(Original(0));
  ASSERT_TRUE(small.ok()) << small.status();
  WriteFile(here_.file("made"), std::string(*small->BtfContent()));
  ExpectSuccess(
      Script("export PAHOLE='sh ./pahole' BTFD_PROFILE=7.2\n"
             "env --ignore-signal=CHLD btfc gen-btf --upstream-exact "
             "--btf_base $B m.ko\n"
             "! cmp -s m.ko expected"));
}

// ---- pahole, where some programs of that name are not pahole.

class PaholeInPath : public Surroundings {
 protected:
  PaholeInPath() {
    for (const char* directory : {"1", "2", "3"}) {
      fs::create_directory(here_.file(directory));
    }
    Program("3/pahole", "echo real $*");
    path_ = absl::StrCat("export PATH=", here_.file("1"), ":", here_.file("2"),
                         ":", here_.file("3"), ":/usr/bin:/bin\n");
  }
  void Program(const std::string& name, const std::string& line) {
    WriteFile(here_.file(name), absl::StrCat("#!/bin/sh\n", line, "\n"));
    fs::permissions(here_.file(name), fs::perms::owner_all);
  }
  void ExpectReal(const ProcessResult& result) {
    ExpectSuccess(result);
    EXPECT_EQ(result.out, "real -F btf x\n");
    EXPECT_EQ(result.err, "");
  }

  std::string path_;
};

TEST_F(PaholeInPath, TwoCopiesOfUsLeadToTheRealOne) {
  ExpectReal(Script(path_ + "cp bin/btfc 1/pahole; cp bin/btfc 2/pahole\n"
                            "pahole -F btf x"));
}

TEST_F(PaholeInPath, AScriptThatCallsPaholeLeadsToTheRealOne) {
  Program("2/pahole", "exec pahole \"$@\"");
  ExpectReal(Script(path_ + "ln -s ../bin/btfc 1/pahole; pahole -F btf x"));
}

TEST_F(PaholeInPath, OurOwnNamedLeadsToTheRealOne) {
  ExpectReal(Script(path_ + "ln -s ../bin/btfc 1/pahole\n"
                            "BTFD_PAHOLE=$PWD/1/pahole pahole -F btf x"));
  ExpectReal(Script(path_ + "BTFD_PAHOLE=pahole pahole -F btf x"));
}

TEST_F(PaholeInPath, WithoutProcTheRealOneIsFound) {
  ExpectReal(InMounts(path_ + "ln -s ../bin/btfc 1/pahole\n"
                              "mount -t tmpfs none /proc; pahole -F btf x"));
}

TEST_F(PaholeInPath, WhereAllLeadBackThatIsSaid) {
  const ProcessResult result = Script(
      "ln -s ../bin/btfc 1/pahole; cp bin/btfc 2/pahole; PATH=$PWD/1:$PWD/2 "
      "pahole -F btf x");
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_THAT(
      result.err,
      HasSubstr(absl::StrCat(
          "pahole: not found in PATH, but for what leads back to btfd (",
          here_.file("1/pahole"), ", ", here_.file("2/pahole"), ")")));
}

TEST_F(PaholeInPath, DoctorNamesWhatLeadsBack) {
  const auto doctor = [&](const std::string& variables) {
    return Script(path_ + variables + " bin/btfc doctor || :").out;
  };
  const auto note = [&](const std::string& path) {
    return HasSubstr(absl::StrCat("note  ", here_.file(path), " is no pahole"));
  };
  fs::create_symlink("../bin/btfc", here_.file("1/pahole"));
  EXPECT_THAT(doctor(""), Not(HasSubstr("is no pahole")));
  Program("2/pahole", "exec pahole \"$@\"");
  EXPECT_THAT(doctor(""), AllOf(note("2/pahole"), Not(note("1/pahole"))));
  EXPECT_THAT(doctor("BTFD_PAHOLE=$PWD/1/pahole"),
              AllOf(note("1/pahole"), note("2/pahole")));
  fs::create_directory(here_.file("bin2"));
  fs::copy_file(bin_ + "/btfc", here_.file("bin2/pahole"));
  EXPECT_THAT(doctor("BTFD_PAHOLE=$PWD/bin2/pahole"), note("bin2/pahole"));
}

// ---- Interrupted.

TEST_F(Surroundings, AnInterruptedBatchTellsWhatItDid) {
  constexpr int kBatch = 2000;
  const std::string old = ReadFileOrEmpty(here_.file("m.ko"));
  for (const char* signal : {"INT", "TERM", "HUP"}) {
    const std::string batch = here_.file("batch");
    fs::remove_all(batch);
    fs::create_directory(batch);
    std::string list;
    for (int i = 0; i < kBatch; ++i) {
      WriteFile(absl::StrCat(batch, "/", i), old);
      absl::StrAppend(&list, "batch/", i, "\n");
    }
    WriteFile(here_.file("list"), list);
    // A shell makes its background processes ignore SIGINT.
    const ProcessResult result = Script(absl::StrCat(
        "env --default-signal=INT btfc $F --jobs 2 --from-file list >out 2>err "
        "&\n"
        "p=$!; until cmp -s batch/50 expected; do sleep 0.01; done\n"
        "kill -",
        signal, " $p; wait $p || echo status $?; tail -n1 out"));
    ASSERT_EQ(result.exit_code, 0) << signal << result.out << result.err;
    EXPECT_EQ(ReadFileOrEmpty(here_.file("err")), "");
    int status = 0, left = 0;
    ASSERT_EQ(
        sscanf(result.out.c_str(), "status %d interrupted: %d modules are left",
               &status, &left),
        2)
        << result.out;
    EXPECT_EQ(status, 128 + (*signal == 'I' ? 2 : *signal == 'T' ? 15 : 1));
    const std::string out = ReadFileOrEmpty(here_.file("out"));
    int changed = 0, files = 0;
    for (const auto& entry : fs::directory_iterator(batch)) {
      ++files;
      const std::string name = entry.path().filename();
      const std::string now = ReadFileOrEmpty(entry.path());
      const bool is_new = now == expected_[0];
      changed += is_new;
      ASSERT_TRUE(is_new || now == old) << name;
      const bool told =
          out.find(absl::StrCat("batch/", name, ": ")) != std::string::npos;
      ASSERT_EQ(told, is_new) << name;
    }
    EXPECT_EQ(files, kBatch) << "a temporary file stayed";
    EXPECT_EQ(changed + left, kBatch);
    EXPECT_GE(left, 1);
  }
}

TEST_F(Surroundings, AnIgnoredInterruptStaysIgnored) {
  ExpectSuccess(
      Script("mkdir b; for i in 1 2 3; do cp m.ko b/$i.ko; done\n"
             "sh -c \"trap '' INT; btfc $F b/*.ko & p=\\$!\n"
             "kill -INT \\$p; wait \\$p\"; cmp b/3.ko expected"));
}

// ---- Memory.

TEST_F(Surroundings, WithoutMemoryThereIsAnErrorAndNoAbort) {
  const ProcessResult bomb = Script(
      "(printf '\\177ELF'; head -c 300000000 /dev/zero) | gzip -1 >bomb\n"
      "ulimit -v 250000; btfc extract-base bomb -o out");
  EXPECT_EQ(bomb.exit_code, 1) << bomb.err;
  EXPECT_THAT(bomb.err,
              HasSubstr("bomb, gzip data at offset 0: more than there "
                        "is memory for when unpacked"));
  const ProcessResult large = Script(
      "cp m.ko large; truncate -s 400M large; ulimit -v 250000\n"
      "btfc $F large");
  EXPECT_EQ(large.exit_code, 1) << large.err;
  EXPECT_THAT(large.err, HasSubstr("out of memory"));
  const ProcessResult tool =
      Script("ulimit -v 250000; BTFD_PROFILE=7.2 resolve_btfids -b $B large");
  EXPECT_EQ(tool.exit_code, 255) << tool.err;
}

// ---- A home directory that does not exist.

TEST_F(Surroundings, AMissingHomeIsNotMade) {
  const ProcessResult result = Script(
      "unset XDG_CACHE_HOME XDG_CONFIG_HOME; export HOME=$PWD/no/x\n"
      "btfc $F m.ko; cmp m.ko expected; btfc stop; test ! -e no\n"
      "mkdir no; btfc $F m.ko; btfc stop; test ! -e no/x\n"
      "export XDG_CACHE_HOME=$PWD/no/cache/deep\n"
      "btfc $F m.ko; btfc stop; test ! -e no/cache\n"
      "mkdir no/cache; btfc $F m.ko; btfc stop\n"
      "test -e no/cache/deep/btfd/btfd.sqlite3");
  ExpectSuccess(result);
}

}  // namespace
}  // namespace btfd::tests
