// SPDX-License-Identifier: Apache-2.0
//
// One request through every state of the daemon that a build may meet. The
// daemon is client/testing/fake_btfd.cc, a process of its own; what it does not
// do the real engine does, in this process.
#include "client/rpc/finalize_client.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/rpc/daemon_calls.h"
#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/util/event_file.h"
#include "lib/util/version.h"

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr uint32_t kHeader = 24;

std::string SomeBtf() {
  btf::testing::BtfBuilder builder;
  builder.Int("int", 4);
  return builder.Build();
}

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() : directory_(testing::FreshDirectory()) {
    setenv("BTFD_RUNTIME_DIR", (directory_ + "/run").c_str(), 1);
    setenv("FAKE_BTFD_LOG", log_path().c_str(), 1);
    environment_.daemon_program =
        std::filesystem::absolute("client/testing/fake_btfd").string();
    SetMode("");
  }

  ~ServiceTest() override {
    if (const pid_t pid = DaemonPid(); pid > 0) kill(pid, SIGKILL);
    std::filesystem::remove_all(directory_);
  }

  static void SetMode(const char* mode) { setenv("FAKE_BTFD_MODE", mode, 1); }
  std::string log_path() const { return directory_ + "/log"; }

  // A base file whose times are `age` in the past.
  BaseFile Base(absl::Duration age) {
    const std::string path = directory_ + "/base.btf";
    if (access(path.c_str(), F_OK) != 0) testing::WriteFile(path, SomeBtf());
    const timespec time = absl::ToTimespec(absl::Now() - age);
    const timespec times[2] = {time, time};
    utimensat(AT_FDCWD, path.c_str(), times, 0);
    auto base = BaseFile::Open(path, BaseCheck::kKey);
    EXPECT_TRUE(base.ok()) << base.status();
    return *std::move(base);
  }

  absl::StatusOr<v1::FinalizeResponse> Finalize(BaseFile* base = nullptr) {
    FinalizeClient client(
        environment_, util::RuntimePathsOfProcess(),
        [this](const std::string& line) { said_.push_back(line); });
    v1::FinalizeRequest request;
    request.set_btf(btf_);
    request.mutable_steps()->set_sort(true);
    request.mutable_steps()->set_new_header_size(kHeader);
    return client.Finalize(&request, base);
  }

  // Who did it: "by the daemon" or "here"; or the error's message.
  std::string By(BaseFile* base = nullptr) {
    const auto response = Finalize(base);
    if (!response.ok()) return std::string(response.status().message());
    if (response->outcome() != v1::OK) return response->message();
    const bool by_daemon = response->warnings_size() > 0;
    EXPECT_EQ(response->btf(), by_daemon ? "finalized:" + btf_ : btf_);
    return by_daemon ? response->warnings(0) : "here";
  }

  // What the next daemon would count.
  static std::map<std::string, uint64_t> Fallbacks() {
    const auto events =
        util::TakeEvents(util::RuntimePathsOfProcess().fallbacks);
    EXPECT_TRUE(events.ok()) << events.status();
    return *events;
  }

  // What the daemon was asked since the last look.
  std::vector<std::string> Asked() {
    const std::string text = testing::ReadFile(log_path());
    unlink(log_path().c_str());
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }

  static pid_t DaemonPid() {
    auto socket = ConnectSocket(util::RuntimePathsOfProcess());
    if (!socket.ok()) return 0;
    ucred peer{};
    socklen_t size = sizeof(peer);
    getsockopt(socket->get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    // `peer` is the process that listened first and has ended; the daemon is
    // its child. The fake daemon has a session and so a process group of its
    // own.
    return peer.pid > 0 ? -peer.pid : 0;
  }

  const std::string directory_;
  const std::string btf_ = SomeBtf();
  Environment environment_;
  std::vector<std::string> said_;
};

TEST_F(ServiceTest, AnAbsentDaemonIsStartedOnceAndForAll) {
  EXPECT_EQ(By(), "by the daemon");
  const pid_t first = DaemonPid();
  EXPECT_EQ(By(), "by the daemon");
  EXPECT_EQ(DaemonPid(), first);
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "Finalize"));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(ServiceTest, ABaseIsHashedThenSentThenKnownByItsFile) {
  BaseFile base = Base(absl::Hours(1));
  // utimensat() sets mtime, but ctime becomes the present time.
  ASSERT_FALSE(base.key().has_value());
  absl::SleepFor(kSettled + absl::Milliseconds(50));
  auto settled = BaseFile::Open(base.path(), BaseCheck::kKey);
  ASSERT_TRUE(settled.ok() && settled->key().has_value());
  EXPECT_EQ(By(&*settled), "by the daemon");
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "BindFileKey", "Finalize",
                                   "AddBase 45", "Finalize"));
  auto again = BaseFile::Open(base.path(), BaseCheck::kKey);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(By(&*again), "by the daemon");
  EXPECT_THAT(Asked(), ElementsAre("Finalize")) << "the key is enough";
}

TEST_F(ServiceTest, ABaseThatJustChangedIsNamedByItsDigest) {
  BaseFile base = Base(absl::ZeroDuration());
  ASSERT_FALSE(base.key().has_value());
  EXPECT_EQ(By(&base), "by the daemon");
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "AddBase 45", "Finalize"));
  BaseFile again = Base(absl::ZeroDuration());
  EXPECT_EQ(By(&again), "by the daemon");
  EXPECT_THAT(Asked(), ElementsAre("Finalize"));
}

TEST_F(ServiceTest, ABaseThatIsForgottenAgainAndAgainIsIndexedHere) {
  SetMode("forget");
  BaseFile base = Base(absl::ZeroDuration());
  EXPECT_EQ(By(&base), "here");
}

TEST_F(ServiceTest, ABaseThatIsNoBtfIsAnErrorThatNamesIt) {
  testing::WriteFile(directory_ + "/base.btf", "no BTF");
  BaseFile base = Base(absl::ZeroDuration());
  EXPECT_THAT(By(&base), HasSubstr(directory_ + "/base.btf"));
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(ServiceTest, TroubleWithTheInputIsAnAnswer) {
  SetMode("bad-btf");
  const auto response = Finalize();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->outcome(), v1::BAD_BTF);
  EXPECT_EQ(response->message(), ".BTF: type 7 at offset 24 is no type");
  EXPECT_EQ(response->warnings(0), "WARN: before it failed");
}

TEST_F(ServiceTest, WrongSettingsOfTheDaemonAreToldButNotWithEachModule) {
  SetMode("complain");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(By(), "by the daemon");
  EXPECT_THAT(
      said_, ElementsAre("btfc: the daemon's settings: f:7: x = y: no number"));
}

TEST_F(ServiceTest, ADaemonThatDiesIsTriedOnceMore) {
  SetMode("die-once");
  EXPECT_EQ(By(), "by the daemon");
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "Finalize"));
}

TEST_F(ServiceTest, ADaemonThatDiesAlwaysIsDoneWithout) {
  SetMode("die");
  EXPECT_EQ(By(), "here");
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "Finalize"));
  EXPECT_THAT(Fallbacks(), ElementsAre(Pair("fallback_lost", 1)));
}

TEST_F(ServiceTest, ADrainingDaemonIsFollowedByTheNext) {
  SetMode("drain-once");
  EXPECT_EQ(By(), "by the daemon");
  EXPECT_THAT(Asked(), ElementsAre("Finalize", "Finalize"));
}

TEST_F(ServiceTest, ABusyDaemonIsAskedAgainForAWhile) {
  SetMode("busy-once");
  EXPECT_EQ(By(), "by the daemon");
  SetMode("busy");
  EXPECT_EQ(By(), "by the daemon") << "it has its mode from its start";
}

TEST_F(ServiceTest, ADaemonThatStaysBusyIsDoneWithout) {
  SetMode("busy");
  EXPECT_EQ(By(), "here");
  EXPECT_THAT(Asked(), SizeIs(6));
  EXPECT_THAT(Fallbacks(), ElementsAre(Pair("fallback_busy", 1)));
}

TEST_F(ServiceTest, ADefectOfTheDaemonIsNotOfTheModule) {
  SetMode("internal");
  EXPECT_EQ(By(), "here");
  EXPECT_THAT(Asked(), ElementsAre("Finalize"));
  EXPECT_THAT(Fallbacks(), ElementsAre(Pair("fallback_internal", 1)));
}

TEST_F(ServiceTest, AnotherEngineIsLeftAlone) {
  SetMode("other-engine");
  EXPECT_EQ(By(), "here");
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0],
              HasSubstr(absl::StrCat("the daemon's engine is of version 1000, "
                                     "not ",
                                     util::kEngineVersion)));
  EXPECT_THAT(Asked(), ElementsAre("Finalize"));
  EXPECT_THAT(Fallbacks(), ElementsAre(Pair("fallback_version", 1)));
}

TEST_F(ServiceTest, ADaemonThatListensElsewhereIsNotWaitedFor) {
  SetMode("elsewhere");
  EXPECT_EQ(By(), "here");
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0], HasSubstr("as one of our version would"));
}

TEST_F(ServiceTest, AStoppedDaemonCostsOneWaitAndOneLine) {
  SetMode("stop");
  absl::Time start = absl::Now();
  EXPECT_EQ(By(), "here");
  EXPECT_LT(absl::Now() - start,
            kSilenceLimit + kProbeLimit + absl::Seconds(2));
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0], HasSubstr("the daemon does not answer"));
  EXPECT_THAT(Asked(), ElementsAre("Finalize"));
  EXPECT_THAT(Fallbacks(), ElementsAre(Pair("fallback_timeout", 1)));

  start = absl::Now();
  EXPECT_EQ(By(), "here");
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
  EXPECT_THAT(said_, SizeIs(1)) << "said once";
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_THAT(Fallbacks(), ElementsAre(Pair("fallback_no_daemon", 1)));
}

TEST_F(ServiceTest, ABusyButLivingDaemonIsWaitedFor) {
  SetMode("slow");
  EXPECT_EQ(By(), "by the daemon");
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(ServiceTest, ADaemonThatCannotStartIsDoneWithout) {
  SetMode("fail-start");
  EXPECT_EQ(By(), "here");
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0], HasSubstr("ended with status 3; see "));
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_THAT(Fallbacks(), ElementsAre(Pair("fallback_no_daemon", 1)));
}

TEST_F(ServiceTest, AfterAMinuteTheSharedDaemonIsTriedAgain) {
  SetMode("fail-start");
  EXPECT_EQ(By(), "here");
  SetMode("");
  EXPECT_EQ(By(), "here");
  const timespec time = absl::ToTimespec(absl::Now() - kBackoff);
  const timespec times[2] = {time, time};
  utimensat(AT_FDCWD, util::RuntimePathsOfProcess().backoff.c_str(), times, 0);
  EXPECT_EQ(By(), "by the daemon");
}

TEST_F(ServiceTest, RequireMakesEachOfThemAnError) {
  environment_.require_daemon = true;
  SetMode("fail-start");
  EXPECT_THAT(By(), HasSubstr("BTFD_REQUIRE asks for one"));
  SetMode("internal");
  EXPECT_THAT(By(), HasSubstr("an invariant does not hold"));
  EXPECT_THAT(Asked(), ElementsAre("Finalize"));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(ServiceTest, DisableNeverStartsOne) {
  environment_.disable_daemon = true;
  EXPECT_EQ(By(), "here");
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_THAT(Fallbacks(), IsEmpty()) << "nothing to count";
  EXPECT_FALSE(ConnectSocket(util::RuntimePathsOfProcess()).ok());
}

TEST_F(ServiceTest, NoProgramToStartIsNeeded) {
  environment_.daemon_program = directory_ + "/no/btfd";
  EXPECT_EQ(By(), "here");
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0], HasSubstr("/no/btfd is no program; for a minute, work "
                                  "goes on without the shared daemon"));
  EXPECT_EQ(By(), "here");
  EXPECT_THAT(said_, SizeIs(1)) << "said once";
}

TEST_F(ServiceTest, WrongLinesOfFilesAreToldOnce) {
  environment_.disable_daemon = true;
  environment_.complaints = {"btfc.conf:1: first", "btfc.conf:2: second"};
  EXPECT_EQ(By(), "here");
  EXPECT_EQ(By(), "here");
  EXPECT_THAT(said_, ElementsAre("btfc: btfc.conf:1: first",
                                 "btfc: btfc.conf:2: second"));
}

// Where nothing can be kept in the runtime directory it is said once all the
// same.
TEST_F(ServiceTest, AnUnusableDirectoryIsToldOnce) {
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  unlink(paths.other_backoff.c_str());
  ASSERT_EQ(mkdir(paths.directory.c_str(), 0755), 0);
  ASSERT_EQ(chmod(paths.directory.c_str(), 0755), 0);
  EXPECT_EQ(By(), "here");
  EXPECT_EQ(By(), "here");
  unlink(paths.other_backoff.c_str());
  ASSERT_THAT(said_, SizeIs(1));
  EXPECT_THAT(said_[0], HasSubstr(paths.directory + " is open to other users"));
}

TEST_F(ServiceTest, ABadBaseIsAnAnswerHereAsWell) {
  environment_.disable_daemon = true;
  testing::WriteFile(directory_ + "/base.btf", SomeBtf().substr(0, 40));
  BaseFile base = Base(absl::ZeroDuration());
  const auto response = Finalize(&base);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->outcome(), v1::BAD_BASE);
  EXPECT_THAT(response->message(), HasSubstr(base.path() + ": base BTF"));
}

}  // namespace
}  // namespace btfd::client
