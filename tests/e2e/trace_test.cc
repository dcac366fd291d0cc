// SPDX-License-Identifier: Apache-2.0
//
// --trace_file of real batches, read by a program (check_trace.py) that knows
// the format and nothing of ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class TraceFile : public ::testing::Test {
 protected:
  void SetUp() override {
    auto kernel = FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
  }

  std::vector<std::string> Copies(size_t count) {
    std::vector<std::string> copies;
    for (const std::string& path : SpreadBySize(kernel_.modules, count)) {
      copies.push_back(scratch_.file(absl::StrCat(
          copies.size(), "-", fs::path(path).filename().string())));
      fs::copy_file(path, copies.back());
    }
    return copies;
  }
  // Runs a batch that writes a trace.
  ProcessResult Finalize(const std::vector<std::string>& modules,
                         const std::vector<std::string>& environment = {}) {
    return daemon_.Client(
        {"finalize", "--base", kernel_.vmlinux, "--profile=7.3",
         "--distill=always", "--drop-signature", "--trace_file", trace_,
         "--from-file", "-"},
        environment, absl::StrJoin(modules, "\n"));
  }
  void ExpectSound(size_t modules, const std::string& where,
                   const std::vector<std::string>& stages) {
    std::vector<std::string> words = {"python3", "tests/e2e/check_trace.py",
                                      trace_, absl::StrCat(modules), where};
    words.insert(words.end(), stages.begin(), stages.end());
    const ProcessResult result = RunProcess(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(" events, "));
  }

  Kernel kernel_;
  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  const std::string trace_ = scratch_.file("trace.json");
};

TEST_F(TraceFile, HasTheStagesOfClientAndDaemon) {
  const auto modules = Copies(100);
  ProcessResult result = Finalize(modules);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ExpectSound(
      modules.size(), "daemon",
      {"client:open", "client:write", "daemon:request", "daemon:engine"});
  const std::string text = ReadFileOrEmpty(trace_);
  EXPECT_THAT(
      text, AllOf(HasSubstr("\"in flight\""), HasSubstr("\"send\""),
                  HasSubstr("\"wait for a thread\""), HasSubstr("\"alone\"")));
  // The daemon has seen these: it runs no engine for them.
  result = Finalize(modules);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ExpectSound(modules.size(), "daemon", {"client:write", "daemon:request"});
}

TEST_F(TraceFile, WithoutADaemonTheEngineIsTheClients) {
  const auto modules = Copies(40);
  const ProcessResult result = Finalize(modules, {"BTFD_DISABLE=1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ExpectSound(modules.size(), "local", {"client:open", "client:write"});
}

TEST_F(TraceFile, OfGenBtfHasTheEncoder) {
  std::vector<std::string> modules;
  for (const char* name : {"af_key", "xfs", "nf_conntrack"}) {
    modules.push_back(scratch_.file(absl::StrCat(name, ".ko")));
    fs::copy_file(absl::StrCat(TestdataRoot(), "/dbg/6.12/", name, ".ko"),
                  modules.back());
  }
  std::vector<std::string> words = {"gen-btf", "--btf_base", kernel_.vmlinux,
                                    "--trace_file", trace_};
  words.insert(words.end(), modules.begin(), modules.end());
  const ProcessResult result = daemon_.Client(words);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ExpectSound(modules.size(), "daemon",
              {"client:file", "client:encode", "client:ask", "client:write",
               "daemon:request", "daemon:engine"});
}

TEST_F(TraceFile, ThatCannotBeWrittenIsToldAndTheModulesAreDone) {
  const auto modules = Copies(2);
  const std::string before = ReadFileOrEmpty(modules[0]);
  const ProcessResult result =
      daemon_.Client({"finalize", "--base", kernel_.vmlinux, "--profile=7.3",
                      "--distill=always", "--drop-signature", "--trace_file",
                      "/no/dir/trace", modules[0], modules[1]});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("btfc: /no/dir/trace"));
  EXPECT_TRUE(ReadFileOrEmpty(modules[0]) != before);
}

}  // namespace
}  // namespace btfd::tests
