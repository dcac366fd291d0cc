// SPDX-License-Identifier: Apache-2.0
//
// `btfc doctor --fix` with real daemons: which it restarts, which it leaves
// alone, and what it says. What it does in a build directory is tested in
// client/commands/build_tree_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/util/version.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kOtherVersion = "0.0.9";

// The daemon's program as another release of it.
std::string OtherRelease(const std::string& program, const std::string& copy) {
  std::string bytes = ReadFileOrEmpty(program);
  const std::string own(util::kVersion, sizeof(util::kVersion));  // with its \0
  EXPECT_EQ(kOtherVersion.size() + 1, own.size());
  for (size_t at = 0; (at = bytes.find(own, at)) != std::string::npos; ++at) {
    std::memcpy(&bytes[at], kOtherVersion.data(), kOtherVersion.size());
  }
  WriteFile(copy, bytes);
  fs::permissions(copy, fs::perms::owner_all);
  return copy;
}

class DoctorFix : public ::testing::Test {
 protected:
  ProcessResult Doctor(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"doctor", "--fix", "/no/build"};
    words.insert(words.end(), more.begin(), more.end());
    return daemon_.Client(words, environment_);
  }
  int Pid() const { return daemon_.Pid().value_or(0); }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  std::vector<std::string> environment_;
  ScratchDir scratch_;
};

TEST_F(DoctorFix, ADaemonOfAnotherVersionIsRestarted) {
  const std::string other =
      OtherRelease(daemon_.programs().btfd, scratch_.file("btfd"));
  ASSERT_EQ(daemon_.Client({"start"}, {"BTFD_DAEMON=" + other}).exit_code, 0);
  const int before = Pid();
  ASSERT_NE(before, 0);
  const ProcessResult result = Doctor();
  EXPECT_EQ(result.exit_code, 1) << "there is no build directory";
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr(absl::StrCat("note  it is btfd ", kOtherVersion,
                                 ", and this is btfc ", util::kVersion)),
          HasSubstr(absl::StrCat("done  restarted the daemon: btfd ",
                                 util::kVersion, " runs, pid ", Pid())),
          HasSubstr("left  /no/build is no kernel build directory\n"
                    "        -> not done: it installs and configures nothing"),
          HasSubstr("The daemon afterwards\n")));
  EXPECT_NE(Pid(), before);
  EXPECT_NE(Pid(), 0);
  EXPECT_EQ(result.err, "");
}

TEST_F(DoctorFix, ADaemonThatReadOtherSettingsIsRestarted) {
  ASSERT_EQ(daemon_.Client({"start"}).exit_code, 0);
  const int before = Pid();
  environment_ = {"BTFD_SERVER=grpc://127.0.0.1:9"};
  const ProcessResult result = Doctor();
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("BTFD_SERVER is grpc://127.0.0.1:9, and the "
                              "daemon hands nothing on"),
                    HasSubstr("done  restarted the daemon: ")));
  EXPECT_NE(Pid(), before);
  EXPECT_THAT(daemon_.Client({"status"}).out, HasSubstr("127.0.0.1:9"));
}

TEST_F(DoctorFix, ADaemonWithWhichNothingIsWrongGoesOn) {
  ASSERT_EQ(daemon_.Client({"start"}).exit_code, 0);
  const int before = Pid();
  const ProcessResult result = Doctor();
  EXPECT_THAT(result.out, AllOf(HasSubstr("What --fix did\n  left  /no/build"),
                                Not(HasSubstr("done  "))));
  EXPECT_EQ(Pid(), before);
}

// It starts none either: the first module does that.
TEST_F(DoctorFix, WhereNoDaemonRunsNoneIsStarted) {
  const ProcessResult result = Doctor();
  EXPECT_THAT(result.out, HasSubstr("no daemon runs"));
  EXPECT_EQ(Pid(), 0);
}

TEST_F(DoctorFix, WithoutFixNothingIsDone) {
  const std::string other =
      OtherRelease(daemon_.programs().btfd, scratch_.file("btfd"));
  ASSERT_EQ(daemon_.Client({"start"}, {"BTFD_DAEMON=" + other}).exit_code, 0);
  const int before = Pid();
  const ProcessResult result = daemon_.Client({"doctor", "/no/build"});
  EXPECT_THAT(result.out, AllOf(HasSubstr(kOtherVersion),
                                Not(HasSubstr("What --fix did"))));
  EXPECT_EQ(Pid(), before);
}

}  // namespace
}  // namespace btfd::tests
