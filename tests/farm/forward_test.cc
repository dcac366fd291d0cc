// SPDX-License-Identifier: Apache-2.0
//
// Builders that forward their requests. The bytes must be those of the local
// engine. A base and a module are sent only once. Whatever happens to the farm,
// no build fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/util/digest.h"
#include "tests/core/objects.h"
#include "tests/farm/farm.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Forward : public FarmTest {};

TEST_F(Forward, WorkIsDoneByTheRemoteDaemonsAndTheBaseTravelsOnceToEach) {
  const std::vector<std::string> modules = SmallModules(40);
  const Build expected = Expected(modules);
  const int port1 = FreePort(), port2 = FreePort();
  const auto remote1 = StartRemote(port1);
  const auto remote2 = StartRemote(port2);
  const auto builder = StartBuilder(Server({port1, port2}));
  EXPECT_TRUE(Finalize(*builder, modules) == expected);

  EXPECT_EQ(builder->Count("forwarded"), 40u);
  EXPECT_EQ(builder->Count("engine_ns"), 0u) << "its own engine rests";
  EXPECT_EQ(builder->Count("forward_bases_sent"), 2u);
  EXPECT_EQ(remote1->Bases(), 1u);
  EXPECT_EQ(remote2->Bases(), 1u);
  EXPECT_GT(remote1->Count("outcome_ok"), 5u);
  EXPECT_GT(remote2->Count("outcome_ok"), 5u);

  // The second time, no remote daemon is asked.
  EXPECT_TRUE(Finalize(*builder, modules) == expected);
  EXPECT_EQ(builder->Count("forwarded"), 40u);
  EXPECT_EQ(builder->Count("cache_hits"), 40u);
}

TEST_F(Forward, WhatSomebodyHadBeforeCostsDigestsAndNoBase) {
  const std::vector<std::string> modules = SmallModules(40);
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto first = StartBuilder(Server({port}));
  const Build expected = Finalize(*first, modules);
  EXPECT_EQ(first->Count("forwarded_by_digest"), 0u);

  const auto second = StartBuilder(Server({port}));
  EXPECT_TRUE(Finalize(*second, modules) == expected);
  EXPECT_EQ(second->Count("forwarded"), 40u);
  EXPECT_EQ(second->Count("forwarded_hits"), 40u);
  // All modules except those that are hardly larger than their digests.
  const uint64_t by_digest = second->Count("forwarded_by_digest");
  EXPECT_GE(by_digest, 30u);
  EXPECT_LT(second->Count("forward_bytes_sent"), 40u * 1000);
  EXPECT_GT(second->Count("forward_bytes_saved"),
            second->Count("forward_bytes_sent"));
  EXPECT_EQ(second->Count("forward_bases_sent"), 0u);
  EXPECT_EQ(second->Bases(), 0u) << "it never saw the base itself";
  EXPECT_EQ(second->Count("engine_ns"), 0u);
}

// A builder that never saw a base can look at it.
TEST_F(Forward, ABaseOfARemoteDaemonIsShownByItsDigest) {
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto first = StartBuilder(Server({port}));
  Finalize(*first, SmallModules(1));
  ASSERT_EQ(remote->Bases(), 1u);

  const auto second = StartBuilder(Server({port}));
  const std::string name =
      "sha256:" + util::Digest::Of(ReadFileOrEmpty(kernel_.vmlinux_btf)).hex();
  const ProcessResult dump = second->Client({"dump", "--type=list_head", name});
  EXPECT_EQ(dump.exit_code, 0) << dump.err;
  EXPECT_EQ(
      dump.out,
      second->Client({"dump", "--type=list_head", kernel_.vmlinux_btf}).out);
  const ProcessResult diff =
      second->Client({"diff", name, kernel_.vmlinux_btf});
  EXPECT_EQ(diff.exit_code, 0) << diff.err << diff.out;
  const ScratchDir scratch;
  const ProcessResult cut =
      second->Client({"min-core", "-o", scratch.path(), name, "--",
                      fs::absolute(BpfObject("execsnoop"))});
  EXPECT_EQ(cut.exit_code, 0) << cut.err;
  EXPECT_TRUE(fs::exists(scratch.file(name.substr(7) + ".btf"))) << cut.out;
  EXPECT_EQ(second->Bases(), 0u);
  const ProcessResult unknown =
      second->Client({"dump", "sha256:" + std::string(64, '0')});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no base 000000000000 is held here"));
}

TEST_F(Forward, ARemoteThatIsKilledWithWorkInHandFailsNothing) {
  const std::vector<std::string> modules = SmallModules(120);
  const Build expected = Expected(modules);
  const int port1 = FreePort(), port2 = FreePort();
  const auto doomed = StartRemote(port1);
  const auto other = StartRemote(port2);
  const auto builder = StartBuilder(Server({port1, port2}));
  Finalize(*builder, {modules[0], modules[1]});  // connects to both
  EXPECT_EQ(builder->Count("forwarded"), 2u);

  // The stopped daemon accepts requests and answers none.
  doomed->Kill(SIGSTOP);
  std::future<Build> build = std::async(
      std::launch::async, [&] { return Finalize(*builder, modules); });
  Await([&] { return other->Count("outcome_ok") >= 4; },
        "the other one answers");
  doomed->Kill(SIGKILL);
  EXPECT_TRUE(build.get() == expected);
  EXPECT_EQ(builder->Count("forwarded") + builder->Count("cache_misses") +
                builder->Count("cache_hits"),
            122u);
  EXPECT_GT(other->Count("outcome_ok"), 40u);
}

TEST_F(Forward, AFarmThatIsGoneIsDoneWithoutAndFoundAgain) {
  const std::vector<std::string> modules = SmallModules(30);
  const Build expected = Expected(modules);
  const int port = FreePort();
  const auto builder = StartBuilder(Server({port}));
  EXPECT_TRUE(Finalize(*builder, modules) == expected);
  EXPECT_EQ(builder->Count("forwarded"), 0u);
  EXPECT_EQ(builder->Count("cache_misses"), 30u);
  EXPECT_GE(builder->Count("forward_failures"), 1u);
  EXPECT_GE(builder->Count("forward_skipped"), 1u);
  EXPECT_THAT(builder->Log(),
              HasSubstr(absl::StrCat("remote daemon 127.0.0.1:", port,
                                     ": cannot connect; work is done here")));

  const auto remote = StartRemote(port);
  std::vector<std::string> more = SmallModules(300);
  Await(
      [&] {
        Finalize(*builder, {more.back()});
        more.pop_back();
        return builder->Count("forwarded") > 0;
      },
      "the farm is found");
  EXPECT_THAT(builder->Log(), HasSubstr("answers again"));
}

// A builder whose certificate the farm does not accept gets no results from it,
// but still finalizes its modules.
class Outsider : public FarmTest,
                 public ::testing::WithParamInterface<const char*> {
 protected:
  Outsider() {
    Issue(&stranger_, "of-another-authority");
    CertificateSubject expired;
    expired.begins = -7200;
    expired.ends = -3600;
    Issue(&authority_, "expired", expired);
  }
};

TEST_P(Outsider, GetsNothingAndStillBuilds) {
  const std::vector<std::string> modules = SmallModules(10);
  const Build expected = Expected(modules);
  const int port = FreePort();
  const auto remote = StartRemote(port);
  const auto builder = StartBuilder(Server({port}), GetParam());
  EXPECT_TRUE(Finalize(*builder, modules) == expected);
  EXPECT_EQ(builder->Count("forwarded"), 0u);
  EXPECT_EQ(builder->Count("cache_misses"), 10u);
  EXPECT_GE(builder->Count("forward_failures"), 1u);
  EXPECT_EQ(remote->Count("listen_requests"), 0u);
  EXPECT_EQ(remote->Count("bytes_in"), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, Outsider,
    ::testing::Values("", "of-another-authority", "expired"),
    [](const auto& info) {
      std::string name = *info.param == '\0' ? "none" : info.param;
      name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
      return name;
    });

TEST_F(Forward, ADaemonWithTheWrongCertificateIsSentNothing) {
  CertificateSubject elsewhere;
  elsewhere.dns_names = {"elsewhere.example"};
  Issue(&authority_, "elsewhere", elsewhere);
  CertificateSubject here;
  here.addresses = {"127.0.0.1"};
  Issue(&stranger_, "impostor", here);
  const std::vector<std::string> modules = SmallModules(5);
  const Build expected = Expected(modules);
  for (const std::string name : {"elsewhere", "impostor"}) {
    const int port = FreePort();
    const auto remote =
        StartRemote(port, {"BTFD_TLS_CERTIFICATE=" + File(name + ".crt"),
                           "BTFD_TLS_KEY=" + File(name + ".key")});
    const auto builder = StartBuilder(Server({port}));
    EXPECT_TRUE(Finalize(*builder, modules) == expected);
    EXPECT_EQ(builder->Count("forwarded"), 0u) << name;
    EXPECT_EQ(remote->Count("listen_requests"), 0u) << name;
  }
}

TEST_F(Forward, AServerThatIsNoneIsRefusedAtTheStart) {
  FarmDaemon wrong({"BTFD_SERVER=http://farm.example"});
  wrong.Client({"start"});
  Await([&] { return !wrong.Log().empty(); }, "it has something to say");
  EXPECT_THAT(wrong.Log(),
              HasSubstr("server = http://farm.example: must be grpcs://"));
}

TEST_F(Forward, ADaemonThatRunsWithoutTheServerIsFoundByTheDoctor) {
  PrivateDaemon daemon(Programs::OfRunfiles());
  ASSERT_TRUE(daemon.Start().ok());
  EXPECT_THAT(
      daemon.Client({"doctor"}, {"BTFD_SERVER=grpcs://farm.example:1"}).out,
      HasSubstr("BTFD_SERVER is grpcs://farm.example:1, and the daemon hands "
                "nothing on"));
}

}  // namespace
}  // namespace btfd::tests
