// SPDX-License-Identifier: Apache-2.0
//
// Two users of one machine, an attacker and a victim. The attacker cannot open
// the victim's files. The attacker also plants files where the victim's client
// will look (anybody can in /tmp). The client must not follow or change them,
// must still finalize its module, and must not show the module to the attacker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/util/runtime_paths.h"
#include "tests/abuse/http2.h"
#include "tests/support/peer.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"
#include "tests/support/user.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

class Stranger : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u)
        << "this test becomes two other users, which only root can";
    const auto kernel = FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    const auto peer = FindPeer("7.2");
    ASSERT_TRUE(peer.ok()) << peer.status();
    chmod(scratch_.path().c_str(), 0755);
    // The runfiles may be in a directory that only root can read.
    fs::create_directory(scratch_.file("bin"));
    chmod(scratch_.file("bin").c_str(), 0755);
    for (const char* program : {"client/btfc", "daemon/btfd"}) {
      const std::string copy =
          scratch_.file("bin/" + fs::path(program).filename().string());
      fs::copy_file(program, copy);
      chmod(copy.c_str(), 0755);
    }
    btfc_ = scratch_.file("bin/btfc");
    victim_.Put(kernel->vmlinux_btf, "base.btf");
    victim_.Put(SpreadBySize(kernel->modules, 9)[4], "module.ko");
    WriteFile(victim_.file("precious"), "precious");
    victim_.Give(victim_.file("precious"));
    expected_ = RunResolveBtfids(
        {*peer}, {"--distill_base", "--btf_base", kernel->vmlinux_btf},
        victim_.file("module.ko"));
    ASSERT_TRUE(expected_.btf.has_value()) << expected_.err;
    fs::remove_all(Default());
  }
  void TearDown() override {
    if (geteuid() == 0) {
      victim_.Run({btfc_, "stop"});
      fs::remove_all(Default());
      RemoveMark();
    }
  }
  // The directory in which the victim's client looks for a daemon.
  std::string Default() const {
    return absl::StrCat("/tmp/btfd-", victim_.uid());
  }

  // Of a client that could not use that: the next one would not even try.
  void RemoveMark() const {
    fs::remove(util::RuntimePathsFor("", victim_.uid()).other_backoff);
  }

  // The path of the file there with that extension.
  std::string Usual(const std::string& extension) const {
    return fs::path(util::RuntimePathsFor("", victim_.uid()).socket)
        .replace_extension(extension)
        .string();
  }

  // Builds as the victim. The module must be right whatever was planted.
  ProcessResult Finalize(const std::vector<std::string>& environment = {}) {
    for (const char* extension : {".BTF", ".BTF.base", ".BTF_ids"}) {
      fs::remove(victim_.file(std::string("module.ko") + extension));
    }
    RemoveMark();
    std::vector<std::string> more = {"BTFD_PROFILE=7.2"};
    more.insert(more.end(), environment.begin(), environment.end());
    const ProcessResult result =
        victim_.Run({btfc_, "resolve_btfids", "--distill_base", "--btf_base",
                     victim_.file("base.btf"), victim_.file("module.ko")},
                    more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(ReadFileOrEmpty(victim_.file("module.ko.BTF")) ==
                *expected_.btf);
    EXPECT_TRUE(ReadFileOrEmpty(victim_.file("module.ko.BTF.base")) ==
                *expected_.btf_base);
    EXPECT_EQ(ReadFileOrEmpty(victim_.file("precious")), "precious");
    return result;
  }

  ScratchDir scratch_{"/tmp"};
  // User ids that no user of the machine has.
  const User victim_{static_cast<uid_t>(1'000'000 + getpid() % 500'000),
                     scratch_.file("victim")};
  const User attacker_{victim_.uid() + 500'000, scratch_.file("attacker")};
  std::string btfc_;
  ResolveResult expected_;
};

TEST_F(Stranger, NothingOfADaemonIsOpenToAnotherUser) {
  // A umask that takes no permission away.
  const ProcessResult started =
      victim_.Run({"sh", "-c", "umask 0; exec " + btfc_ + " start"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  Finalize();
  const std::string store = victim_.file(".cache/btfd");
  int files = 0;
  for (const std::string& root : {Default(), store}) {
    EXPECT_EQ(ModeOf(root), 0700u) << root;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const std::string path = entry.path().string();
      EXPECT_EQ(ModeOf(path) & 077, 0u) << path;
      EXPECT_NE(attacker_.Run({"test", "-e", path}).exit_code, 0) << path;
      ++files;
    }
    EXPECT_NE(attacker_.Run({"ls", root}).exit_code, 0);
    EXPECT_NE(attacker_.Run({"touch", root + "/planted"}).exit_code, 0);
  }
  EXPECT_GE(files, 5) << "socket, lock, log, database and its log";
  // The attacker's client cannot even connect to the daemon.
  const ProcessResult asked =
      attacker_.Run({btfc_, "status"}, {"BTFD_SOCKET=" + Usual(".sock")});
  EXPECT_NE(asked.exit_code, 0);
  EXPECT_THAT(asked.out, ::testing::Not(HasSubstr("pid")));
}

TEST_F(Stranger, FilesBesideASocketInASharedDirectoryArePrivate) {
  const std::string shared = scratch_.file("shared");
  fs::create_directory(shared);
  chmod(shared.c_str(), 01777);
  const std::string socket = shared + "/b.sock";
  Finalize({"BTFD_SOCKET=" + socket, "BTFD_REQUIRE=1"});
  for (const auto& entry : fs::directory_iterator(shared)) {
    EXPECT_EQ(ModeOf(entry.path().string()) & 077, 0u) << entry.path();
  }
  EXPECT_NE(
      attacker_.Run({btfc_, "status"}, {"BTFD_SOCKET=" + socket}).exit_code, 0);
  victim_.Run({btfc_, "stop"}, {"BTFD_SOCKET=" + socket});
}

// Plants files in the directory where the victim's daemon would be.

TEST_F(Stranger, ADirectoryOfAnothersIsNotUsed) {
  fs::create_directory(Default());
  attacker_.Give(Default());
  chmod(Default().c_str(), 0777);
  // A name that the client opens for writing there leads to a file of the
  // victim's, to a new file, or nowhere.
  for (const char* name : {"start", "log", "lock", "backoff", "fallbacks"}) {
    const std::string path = Usual(absl::StrCat(".", name));
    const std::string target = victim_.file("precious");
    const std::vector<std::function<int()>> plants = {
        [&] { return symlink(target.c_str(), path.c_str()); },
        [&] { return symlink(victim_.file("new").c_str(), path.c_str()); },
        [&] { return link(target.c_str(), path.c_str()); },
        [&] { return mkfifo(path.c_str(), 0666); },
        [&] { return mkdir(path.c_str(), 0777); },
    };
    for (size_t i = 0; i < plants.size(); ++i) {
      SCOPED_TRACE(absl::StrCat(name, ", plant ", i));
      // An earlier run may have made a log.
      for (const auto& left : fs::directory_iterator(Default())) {
        fs::remove(left.path());
      }
      ASSERT_EQ(plants[i](), 0);
      if (i == 3) chmod(path.c_str(), 0666);
      Finalize();
      EXPECT_FALSE(fs::exists(victim_.file("new")));
      fs::remove(path);
    }
  }
}

TEST_F(Stranger, ASocketOfAnothersIsToldNothing) {
  fs::create_directory(Default());
  attacker_.Give(Default());
  chmod(Default().c_str(), 0777);
  const int listening =
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Usual(".sock").copy(address.sun_path, 100);
  ASSERT_EQ(
      bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
      0);
  chmod(address.sun_path, 0666);
  // The listener here is root, which is another user than the victim, too.
  ASSERT_EQ(listen(listening, 10), 0);
  Finalize();
  RawConnection victim(util::UniqueFd(accept(listening, nullptr, nullptr)));
  ASSERT_GE(victim.fd(), 0) << "the client came by";
  EXPECT_EQ(victim.Receive(1000), "") << "and hung up";
  close(listening);
}

TEST_F(Stranger, WhatStandsInTheDirectorysPlaceIsLeftAlone) {
  const std::string elsewhere = attacker_.file("elsewhere");
  fs::create_directory(elsewhere);
  attacker_.Give(elsewhere);
  chmod(attacker_.file("").c_str(), 0777);
  chmod(elsewhere.c_str(), 0777);
  const std::string own = victim_.file("own");
  fs::create_directory(own);
  victim_.Give(own);
  chmod(own.c_str(), 0700);
  const std::vector<std::function<int()>> plants = {
      [&] { return symlink(elsewhere.c_str(), Default().c_str()); },
      [&] { return symlink(own.c_str(), Default().c_str()); },
      [&] { return symlink("/nonexistent/x", Default().c_str()); },
      [&] { return mkfifo(Default().c_str(), 0666); },
      [&] {
        WriteFile(Default(), "a file");
        return chmod(Default().c_str(), 0666);
      },
      [&] { return mkdir(Default().c_str(), 0); },
  };
  for (size_t i = 0; i < plants.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("plant ", i));
    ASSERT_EQ(plants[i](), 0);
    struct stat before, after;
    ASSERT_EQ(lstat(Default().c_str(), &before), 0);
    Finalize();
    ASSERT_EQ(lstat(Default().c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
    EXPECT_EQ(before.st_mode, after.st_mode);
    // At most the empty mark that says that the shared daemon cannot be
    // reached.
    for (const std::string& directory : {elsewhere, own}) {
      for (const auto& entry : fs::directory_iterator(directory)) {
        EXPECT_EQ(entry.path().extension(), ".backoff");
        EXPECT_EQ(fs::file_size(entry.path()), 0u);
        fs::remove(entry.path());
      }
    }
    fs::remove_all(Default());
  }
}

// Plants in the place of the store, and in the shared directory of the socket.

TEST_F(Stranger, AStoreOfAnothersIsNotUsed) {
  const std::string cache = victim_.file("cache");
  fs::create_directories(cache + "/btfd");
  victim_.Give(cache);
  attacker_.Give(cache + "/btfd");
  chmod((cache + "/btfd").c_str(), 0777);
  for (const char* name : {"btfd.db", "btfd.sqlite", "store.db"}) {
    ASSERT_EQ(symlink(victim_.file("precious").c_str(),
                      (cache + "/btfd/" + name).c_str()),
              0);
  }
  Finalize({"XDG_CACHE_HOME=" + cache, "BTFD_REQUIRE=1"});
  const fs::directory_iterator all(cache + "/btfd");
  EXPECT_EQ(std::distance(begin(all), end(all)), 3);
}

TEST_F(Stranger, LinksPlantedBesideASharedSocketAreNotFollowed) {
  const std::string shared = scratch_.file("shared");
  fs::create_directory(shared);
  chmod(shared.c_str(), 0777);
  for (const char* name : {"b.log", "b.lock", "b.start", "b.sock"}) {
    SCOPED_TRACE(name);
    const std::string path = shared + "/" + name;
    for (const std::string& target :
         {victim_.file("precious"), victim_.file("new")}) {
      ASSERT_EQ(symlink(target.c_str(), path.c_str()), 0);
      Finalize({"BTFD_SOCKET=" + shared + "/b.sock"});
      EXPECT_FALSE(fs::exists(victim_.file("new")));
      victim_.Run({btfc_, "stop"}, {"BTFD_SOCKET=" + shared + "/b.sock"});
      for (const auto& entry : fs::directory_iterator(shared)) {
        fs::remove(entry.path());
      }
    }
  }
}

// Plants the files that a build writes.

TEST_F(Stranger, OutputsAreTheUsersOwnAndNoLinksIntoAStore) {
  Finalize({"BTFD_REQUIRE=1"});
  Finalize({"BTFD_REQUIRE=1"});  // from the result cache
  for (const char* extension : {".BTF", ".BTF.base"}) {
    struct stat info;
    const std::string path = victim_.file(std::string("module.ko") + extension);
    ASSERT_EQ(lstat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_nlink, 1u) << path;
    EXPECT_EQ(info.st_uid, victim_.uid()) << path;
    EXPECT_EQ(info.st_mode, S_IFREG | 0644u) << path;
  }
}

TEST_F(Stranger, LinksAtTheOutputsAreTreatedAsUpstreamTreatsThem) {
  const auto peer = FindPeer("7.2");
  ASSERT_TRUE(peer.ok());
  const std::string module = victim_.file("module.ko");
  const std::string base = victim_.file("base.btf");
  // For both commands: a module that is a link, an output that is a link to a
  // file, and an output that is a link to nothing.
  const auto plant = [&](const std::string& name) {
    const std::string directory = scratch_.file(name);
    fs::create_directory(directory);
    WriteFile(directory + "/old", "old");
    fs::create_symlink(module, directory + "/link.ko");
    fs::create_symlink("old", directory + "/link.ko.BTF");
    fs::create_symlink("new", directory + "/link.ko.BTF.base");
    victim_.Give(directory);
    victim_.Give(directory + "/old");
    return directory;
  };
  const std::string theirs = plant("theirs"), ours = plant("ours");
  ASSERT_EQ(RunProcess({*peer, "--distill_base", "--btf_base", base,
                        theirs + "/link.ko"})
                .exit_code,
            0);
  const ProcessResult result =
      victim_.Run({btfc_, "resolve_btfids", "--distill_base", "--btf_base",
                   base, ours + "/link.ko"},
                  {"BTFD_PROFILE=7.2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const auto& entry : fs::directory_iterator(theirs)) {
    const std::string name = entry.path().filename().string();
    EXPECT_EQ(fs::is_symlink(entry.path()), fs::is_symlink(ours + "/" + name))
        << name;
    EXPECT_TRUE(ReadFileOrEmpty(entry.path().string()) ==
                ReadFileOrEmpty(ours + "/" + name))
        << name;
  }
  const fs::directory_iterator their_files(theirs), our_files(ours);
  EXPECT_EQ(std::distance(begin(their_files), end(their_files)),
            std::distance(begin(our_files), end(our_files)));
}

TEST_F(Stranger, AModuleThatIsALinkIsPatchedWhereItLeadsAsUpstreamDoes) {
  const auto peer = FindPeer("6.12");
  ASSERT_TRUE(peer.ok()) << peer.status();
  const std::string base = victim_.file("base.btf");
  std::string content[2];
  for (const bool ours : {false, true}) {
    const std::string directory = scratch_.file(ours ? "ours" : "theirs");
    fs::create_directory(directory);
    victim_.Give(directory);
    fs::copy_file(victim_.file("module.ko"), directory + "/real.ko");
    victim_.Give(directory + "/real.ko");
    chmod((directory + "/real.ko").c_str(), 0640);
    const std::string link = directory + "/link.ko";
    fs::create_symlink("real.ko", link);
    const ProcessResult result =
        ours ? victim_.Run({btfc_, "resolve_btfids", "-b", base, link},
                           {"BTFD_PROFILE=6.x"})
             : RunProcess({*peer, "-b", base, link});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(fs::is_symlink(link));
    struct stat info;
    ASSERT_EQ(stat(link.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode, S_IFREG | 0640u);
    EXPECT_EQ(info.st_uid, victim_.uid());
    content[ours] =
        RunProcess({"objcopy", "-O", "binary", "--only-section=.BTF_ids",
                    "--set-section-flags", ".BTF_ids=alloc", link,
                    "/dev/stdout"})
            .out;
  }
  EXPECT_EQ(content[0], content[1]);
}

// `sudo -E make`: root with the victim's environment.
TEST_F(Stranger, RootLeavesNothingBehindThatTheUserCannotUse) {
  const std::string runtime = victim_.file("run");
  fs::create_directory(runtime);
  chmod(runtime.c_str(), 0700);
  victim_.Give(runtime);
  fs::create_directories(victim_.file(".config/btfd"));
  WriteFile(victim_.file(".config/btfd/btfd.conf"),
            absl::StrCat("log_file = ", victim_.file("log"), "\n"));
  victim_.Give(victim_.file(".config/btfd/btfd.conf"));
  // It names a program, which root would run.
  WriteFile(victim_.file(".config/btfd/btfc.conf"), "daemon = /no/btfd\n");
  victim_.Give(victim_.file(".config/btfd/btfc.conf"));
  // A daemon of root's own on this machine is not disturbed: what it has in
  // /tmp is out of sight.
  const ProcessResult built = RunProcess(
      {"unshare", "-m", "sh", "-ec",
       "mkdir -p -m 0700 /tmp/btfd-0\n"
       "mount -t tmpfs -o mode=0700 none /tmp/btfd-0\n"
       "$0 resolve_btfids --distill_base --btf_base base.btf module.ko\n"
       "test -S /tmp/btfd-0/*.sock\n"
       "$0 stop",
       btfc_},
      {{"HOME=" + victim_.file(""), "XDG_RUNTIME_DIR=" + runtime,
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "BTFD_PROFILE=7.2"},
       victim_.file(""),
       ""});
  EXPECT_EQ(built.exit_code, 0) << built.err;
  EXPECT_EQ(built.err,
            absl::StrCat("btfc: ", victim_.file(""),
                         "/.config/btfd/btfc.conf: belongs to uid ",
                         victim_.uid(), "; it is not used\n",
                         "btfc: the daemon's settings: ", victim_.file(""),
                         "/.config/btfd/btfd.conf: belongs to uid ",
                         victim_.uid(), "; it is not used\n"));
  EXPECT_FALSE(fs::exists(victim_.file("log")));
  EXPECT_TRUE(fs::is_empty(runtime));
  EXPECT_FALSE(fs::exists(victim_.file(".cache")));
}

// What an earlier version of ours left.
TEST_F(Stranger, AUserWorksOnWhereRootTookThePlaces) {
  const std::string runtime = victim_.file("run");
  for (const std::string& directory :
       {runtime, runtime + "/btfd", victim_.file(".cache"),
        victim_.file(".cache/btfd")}) {
    fs::create_directory(directory);
    chmod(directory.c_str(), 0700);
  }
  victim_.Give(runtime);
  victim_.Give(victim_.file(".cache"));
  const std::string variable = "XDG_RUNTIME_DIR=" + runtime;
  const ProcessResult result = Finalize({variable, "BTFD_REQUIRE=1"});
  EXPECT_EQ(result.err, "");
  const ProcessResult doctor = victim_.Run({btfc_, "doctor"}, {variable});
  for (const std::string& directory :
       {runtime + "/btfd", victim_.file(".cache/btfd")}) {
    EXPECT_THAT(doctor.out, HasSubstr(directory + " belongs to uid 0"));
    EXPECT_THAT(doctor.out, HasSubstr("-> sudo rm -r " + directory));
  }
  EXPECT_TRUE(fs::is_empty(runtime + "/btfd"));
}

}  // namespace
}  // namespace btfd::tests
