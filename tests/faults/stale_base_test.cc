// SPDX-License-Identifier: Apache-2.0
//
// A module must be finalized over the base that is there now, never over an
// earlier base that looked the same from outside. Runs client and daemon.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/btf/testing/builder.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using btf::testing::BtfBuilder;

// A file must be this old to have a file key.
constexpr absl::Duration kSettled = absl::Seconds(2);

// The BTF of two kernels, of the same size. The struct whose id the module asks
// for is type 2 in one and type 3 in the other.
std::string BaseBtf(int number) {
  BtfBuilder base;
  base.Int("int", 4);
  for (const int i : {0, 1}) {
    base.Struct(i == number ? "wanted" : "others", 4);
  }
  return base.Build();
}

std::string Vmlinux(const std::string& btf) {
  elf::ElfBuilder elf;
  elf.AddSection(".text", std::string(10000, 'x'));
  elf.AddSection(".BTF", btf);
  return elf.Build();
}

std::string Module() {
  BtfBuilder base;
  base.Int("int", 4);
  base.Struct("wanted", 4);
  base.Struct("others", 4);
  BtfBuilder split(base);
  split.Struct("of_module", 8);
  elf::ElfBuilder elf;
  elf.AddSection(".BTF", split.Build());
  const uint32_t ids = elf.AddSection(".BTF_ids", std::string(4, '\0'));
  elf.header(ids).sh_flags = SHF_ALLOC;
  elf.AddSymbol("__BTF_ID__struct__wanted__1", ids, 0, 4);
  return elf.Build();
}

class StaleBase : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "mounting is root's";
    // What is mounted here is invisible to other processes, and is gone when
    // this one ends.
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    for (const int number : {0, 1}) {
      fs::create_directory(Tree(number));
      WriteFile(Tree(number) + "/vmlinux", Vmlinux(BaseBtf(number)));
    }
    fs::create_directory(mount_point_);
  }
  void TearDown() override { umount2(mount_point_.c_str(), MNT_DETACH); }

  std::string Tree(int number) const {
    return scratch_.file(absl::StrCat("tree", number));
  }

  // The module, finalized over that base.
  std::string Finalized(const std::string& base,
                        const std::vector<std::string>& environment = {}) {
    const std::string module = scratch_.file("module.ko");
    WriteFile(module, Module());
    const ProcessResult result = daemon_.Client(
        {"finalize", "--profile=7.2", "--base", base, module}, environment);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return ReadFileOrEmpty(module);
  }
  // The same by a hash of the whole base.
  std::string Right(const std::string& base) {
    return Finalized(base, {"BTFD_BASE_CHECK=content"});
  }

  // Mounts images of the two trees, which have the same times, in turn.
  void ExpectTellsApart(const std::vector<std::string>& mount_options) {
    const std::string base = mount_point_ + "/vmlinux";
    struct stat first {};
    std::vector<std::string> answers;
    for (int round = 0; round < 6; ++round) {
      std::vector<std::string> mount = {"mount"};
      mount.insert(mount.end(), mount_options.begin(), mount_options.end());
      mount.insert(mount.end(), {Image(round % 2), mount_point_});
      const ProcessResult mounted = RunProcess(mount);
      ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
      struct stat info {};
      ASSERT_EQ(stat(base.c_str(), &info), 0);
      if (round == 0) first = info;
      // These are all the parts that a file key had in earlier releases.
      EXPECT_EQ(info.st_ino, first.st_ino);
      EXPECT_EQ(info.st_size, first.st_size);
      EXPECT_EQ(info.st_mtim.tv_sec, first.st_mtim.tv_sec);
      EXPECT_EQ(info.st_ctim.tv_sec, first.st_ctim.tv_sec);
      // The second time, the client uses the file key.
      for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(Finalized(base), Right(Tree(round % 2) + "/vmlinux"))
            << "round " << round;
      }
      ASSERT_EQ(umount(mount_point_.c_str()), 0);
    }
    EXPECT_NE(Right(Tree(0) + "/vmlinux"), Right(Tree(1) + "/vmlinux"));
  }
  std::string Image(int number) const {
    return scratch_.file(absl::StrCat("image", number));
  }

  ScratchDir scratch_;
  const std::string mount_point_ = scratch_.file("mounted");
  PrivateDaemon daemon_{Programs::OfRunfiles()};
};

TEST_F(StaleBase, ImagesWithTheSameTimesAreToldApart) {
  for (const int number : {0, 1}) {
    const ProcessResult made =
        RunProcess({"mksquashfs", Tree(number), Image(number), "-all-time",
                    "1700000000", "-noappend"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  ExpectTellsApart({"-o", "loop,ro"});
}

TEST_F(StaleBase, ImagesThatMayBeWrittenToAreToldApart) {
  for (const int number : {0, 1}) {
    const std::string image = Image(number);
    WriteFile(image, "");
    fs::resize_file(image, 4 << 20);
    ASSERT_EQ(RunProcess({"/sbin/mkfs.ext4", "-q", "-U",
                          "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "-d",
                          Tree(number), image})
                  .exit_code,
              0);
    // Tools that make the same image of the same files do this, too.
    for (const char* time : {"mtime", "ctime", "atime"}) {
      for (const char* extra : {"", "_extra"}) {
        ASSERT_EQ(
            RunProcess({"/sbin/debugfs", "-w", "-R",
                        absl::StrCat("set_inode_field /vmlinux ", time, extra,
                                     extra[0] == 0 ? " 20231114221320" : " 0"),
                        image})
                .exit_code,
            0);
      }
    }
  }
  ExpectTellsApart({"-o", "loop"});
}

TEST_F(StaleBase, ALowerLayerThatIsChangedIsSeenThroughAnOverlay) {
  const std::string lower = scratch_.file("lower");
  for (const char* directory : {"lower", "upper", "work"}) {
    fs::create_directory(scratch_.file(directory));
  }
  fs::copy_file(Tree(0) + "/vmlinux", lower + "/vmlinux");
  absl::SleepFor(kSettled + absl::Milliseconds(50));
  const ProcessResult mounted = RunProcess(
      {"mount", "-t", "overlay", "overlay", "-o",
       absl::StrCat("lowerdir=", lower, ",upperdir=", scratch_.file("upper"),
                    ",workdir=", scratch_.file("work")),
       mount_point_});
  ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
  const std::string base = mount_point_ + "/vmlinux";
  for (const int number : {0, 1, 0}) {
    const int fd = open((lower + "/vmlinux").c_str(), O_WRONLY);
    const std::string content = ReadFileOrEmpty(Tree(number) + "/vmlinux");
    ASSERT_EQ(pwrite(fd, content.data(), content.size(), 0),
              static_cast<ssize_t>(content.size()));
    close(fd);
    EXPECT_EQ(Finalized(base), Right(Tree(number) + "/vmlinux"));
  }
}

TEST_F(StaleBase, WhatIsWrittenThroughAMappingIsSeen) {
  // On tmpfs a mapping changes the file's times only at its first write.
  ASSERT_EQ(mount("none", mount_point_.c_str(), "tmpfs", 0, nullptr), 0);
  const std::string base = mount_point_ + "/vmlinux";
  fs::copy_file(Tree(0) + "/vmlinux", base);
  const size_t size = fs::file_size(base);
  const int fd = open(base.c_str(), O_RDWR);
  void* const map =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(map, MAP_FAILED);
  close(fd);
  const auto write = [&](int number) {
    const std::string content = ReadFileOrEmpty(Tree(number) + "/vmlinux");
    content.copy(static_cast<char*>(map), size);
  };
  write(0);
  absl::SleepFor(kSettled + absl::Milliseconds(50));
  struct stat before {};
  ASSERT_EQ(stat(base.c_str(), &before), 0);
  int last = 0;
  for (const int number : {0, 1, 0, 1}) {
    write(number);
    last = number;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(Finalized(base), Right(Tree(number) + "/vmlinux"));
    }
  }
  write(1 - last);
  munmap(map, size);
  struct stat after {};
  ASSERT_EQ(stat(base.c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Finalized(base), Right(Tree(1 - last) + "/vmlinux"));
  }
}

TEST_F(StaleBase, ALinkThatFlipsBindsNoKeyToAnothersContent) {
  absl::SleepFor(kSettled + absl::Milliseconds(50));
  const std::string right[] = {Right(Tree(0) + "/vmlinux"),
                               Right(Tree(1) + "/vmlinux")};
  for (int round = 0; round < 8; ++round) {
    // A new daemon that knows no file key.
    ASSERT_TRUE(daemon_.Stop().ok());
    fs::remove_all(daemon_.store_directory());
    const std::string link = scratch_.file("link");
    const pid_t flipper = fork();
    if (flipper == 0) {
      for (int i = 0;; i ^= 1) {
        const std::string next = link + ".next";
        unlink(next.c_str());
        if (symlink((Tree(i) + "/vmlinux").c_str(), next.c_str()) != 0 ||
            rename(next.c_str(), link.c_str()) != 0) {
          _exit(1);
        }
        usleep(1000 + 500 * round);
      }
    }
    while (!fs::exists(link)) usleep(1000);
    const std::string either = Finalized(link);
    kill(flipper, SIGKILL);
    waitpid(flipper, nullptr, 0);
    EXPECT_TRUE(either == right[0] || either == right[1]);
    for (const int number : {0, 1}) {
      EXPECT_EQ(Finalized(Tree(number) + "/vmlinux"), right[number]);
    }
  }
}

}  // namespace
}  // namespace btfd::tests
