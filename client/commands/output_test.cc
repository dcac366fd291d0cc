// SPDX-License-Identifier: Apache-2.0
//
// Tests the output for people and programs: JSON, the report of a batch,
// status.
#include <stdio.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/batch/batch_report.h"
#include "client/commands/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/util/json.h"
#include "tests/support/json.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using tests::JsonAt;

// A FILE that keeps what is written to it as a text.
class Memory {
 public:
  Memory() : file_(open_memstream(&text_, &size_)) {}
  ~Memory() {
    fclose(file_);
    free(text_);
  }
  FILE* file() { return file_; }
  std::string text() {
    fflush(file_);
    return std::string(text_, size_);
  }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
  FILE* file_;
};

TEST(Json, StringsAreEscaped) {
  EXPECT_EQ(util::JsonString("plain"), R"("plain")");
  EXPECT_EQ(util::JsonString("a\"b\\c\n"), R"("a\"b\\c\u000a")");
  EXPECT_EQ(util::JsonString("\xc3\xbc"), "\"\xc3\xbc\"") << "UTF-8 stays";
  EXPECT_EQ(util::JsonString("x\xff\xc3"), R"("x\ufffd\ufffd")");
  EXPECT_EQ(util::JsonString("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")")
      << "a surrogate";
}

TEST(Json, ObjectsAndArraysNest) {
  util::JsonWriter json;
  json.Open('{').Add("a", uint32_t{1}).Open('[', "b").Add("", "x").Add("", "y");
  json.Close().Add("c", true).Open('{', "d").Close().Add("e", int64_t{-2});
  json.Close();
  EXPECT_EQ(json.text(),
            R"({"a": 1, "b": ["x", "y"], "c": true, "d": {}, "e": -2})");
}

ModuleResult Good(const std::string& path) {
  ModuleResult result;
  result.path = path;
  result.types_in = 4711;
  result.types_out = 177;
  result.bytes_in = 160000;
  result.bytes_out = 1100;
  result.cached = true;
  return result;
}

ModuleResult Bad(const std::string& path, const std::string& why) {
  ModuleResult result;
  result.path = path;
  result.status = absl::InvalidArgumentError(why);
  return result;
}

TEST(BatchReport, ALineAModuleAndASummary) {
  Memory out, err;
  BatchReport report(ReportForm::kLines, 2, out.file(), err.file());
  report.Add(Good("a.ko"));
  report.Add(Bad("b.ko", ".BTF: bad magic"));
  report.Finish();
  EXPECT_THAT(out.text(),
              StartsWith("a.ko: 4711 types -> 177, 160 kB -> 1100 B, cached\n"
                         "1 modules finalized, 1 failed; "));
  EXPECT_EQ(err.text(), "btfc: b.ko: .BTF: bad magic\n");
  EXPECT_EQ(report.failed(), 1u);
}

TEST(BatchReport, AMessageThatNamesTheModuleIsLeftAsItIs) {
  Memory out, err;
  BatchReport report(ReportForm::kLines, 1, out.file(), err.file());
  report.Add(Bad("b.ko", "b.ko: no ELF file"));
  EXPECT_EQ(err.text(), "btfc: b.ko: no ELF file\n");
}

TEST(BatchReport, WarningsOfOneModuleAreUpstreamsWords) {
  ModuleResult result = Good("a.ko");
  result.warnings = {"WARN: resolve_btfids: unresolved symbol x"};
  Memory out, err, err_of_many;
  BatchReport one(ReportForm::kLines, 1, out.file(), err.file());
  one.Add(result);
  EXPECT_EQ(err.text(), "WARN: resolve_btfids: unresolved symbol x\n");
  BatchReport many(ReportForm::kLines, 2, out.file(), err_of_many.file());
  many.Add(result);
  EXPECT_EQ(err_of_many.text(),
            "a.ko: WARN: resolve_btfids: unresolved symbol x\n");
}

TEST(BatchReport, JsonLinesForMachines) {
  Memory out, err;
  BatchReport report(ReportForm::kJson, 2, out.file(), err.file());
  report.Add(Good("a.ko"));
  report.Add(Bad("b.ko", "no \"BTF\""));
  report.Finish();
  const std::vector<std::string> lines =
      absl::StrSplit(out.text(), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 3u) << out.text();
  EXPECT_EQ(JsonAt(lines[0], "module"), "a.ko");
  EXPECT_EQ(JsonAt(lines[0], "ok"), "true");
  EXPECT_EQ(JsonAt(lines[0], "types_in"), "4711");
  EXPECT_EQ(JsonAt(lines[0], "types_out"), "177");
  EXPECT_EQ(JsonAt(lines[0], "cached"), "true");
  EXPECT_EQ(JsonAt(lines[0], "warnings"), "0");
  EXPECT_EQ(JsonAt(lines[1], "module"), "b.ko");
  EXPECT_EQ(JsonAt(lines[1], "ok"), "false");
  EXPECT_EQ(JsonAt(lines[1], "error"), "no \"BTF\"");
  EXPECT_EQ(JsonAt(lines[2], "summary.modules"), "2");
  EXPECT_EQ(JsonAt(lines[2], "summary.failed"), "1");
}

TEST(BatchReport, ABarOnATerminal) {
  Memory out, err;
  BatchReport report(ReportForm::kBar, 2, out.file(), err.file());
  report.Add(Good("a.ko"));
  EXPECT_THAT(out.text(),
              HasSubstr("\r[####################....................] 1 of 2"));
  report.Add(Bad("b.ko", "why"));
  EXPECT_THAT(out.text(), HasSubstr("] 2 of 2, 1 failed"));
  EXPECT_EQ(err.text(), "btfc: b.ko: why\n");
  report.Finish();
  EXPECT_THAT(out.text(), Not(HasSubstr("a.ko")));
}

v1::GetStatusResponse Status() {
  v1::GetStatusResponse status;
  status.set_version("0.1.0");
  status.set_pid(4242);
  status.set_uptime_seconds(75);
  status.set_socket("/run/s.sock");
  auto& now = *status.mutable_counters();
  now["requests"] = 10;
  now["cache_hits"] = 3;
  now["cache_misses"] = 7;
  now["outcome_ok"] = 9;
  now["outcome_bad_btf"] = 1;
  now["outcome_busy"] = 0;
  now["outcome_base_unknown"] = 1;
  (*status.mutable_lifetime_counters())["fallback_timeout"] = 2;
  (*status.mutable_lifetime_counters())["takeover_dwz"] = 3;
  v1::BaseInfo* const base = status.add_bases();
  base->set_digest(std::string(32, '\xab'));
  base->set_types(125791);
  base->set_raw_bytes(5478671);
  base->set_resident_bytes(12000000);
  base->set_origin("/boot/vmlinux");
  return status;
}

TEST(StatusText, NamesWhatIsNotZero) {
  const std::string text = StatusAsText(Status(), "1.32 (/usr/bin/pahole)");
  EXPECT_THAT(text,
              StartsWith("btfd 0.1.0, pid 4242, up 1m15s, /run/s.sock\n"));
  EXPECT_THAT(text, HasSubstr("requests   10 (0), 0 in flight\n"));
  EXPECT_THAT(text, HasSubstr("cache      3 (0) hits, 7 (0) misses\n"));
  EXPECT_THAT(text, HasSubstr("verified   0 (0) results, 0 (0) wrong\n"));
  EXPECT_THAT(text, HasSubstr("errors     1 bad_btf (none)\n"));
  EXPECT_THAT(text, HasSubstr("fallbacks  none (2 timeout)\n"));
  EXPECT_THAT(text, HasSubstr("encoder    as pahole 1.32 (/usr/bin/pahole)\n"));
  EXPECT_THAT(text, HasSubstr("takeovers  none (3 dwz)\n"));
  EXPECT_THAT(text, HasSubstr("abababababababab  125791 types, 5.5 MB, "
                              "12.0 MB resident, 0 requests  /boot/vmlinux"));
}

TEST(StatusJson, HasEveryCounter) {
  const std::string json = StatusAsJson(Status(), "1.32");
  EXPECT_EQ(JsonAt(json, "running"), "true");
  EXPECT_EQ(JsonAt(json, "version"), "0.1.0");
  EXPECT_EQ(JsonAt(json, "pid"), "4242");
  EXPECT_EQ(JsonAt(json, "counters"), "7");
  EXPECT_EQ(JsonAt(json, "counters.cache_hits"), "3");
  EXPECT_EQ(JsonAt(json, "counters.outcome_busy"), "0");
  EXPECT_EQ(JsonAt(json, "lifetime_counters.fallback_timeout"), "2");
  EXPECT_EQ(JsonAt(json, "stands_for_pahole"), "1.32");
  EXPECT_EQ(JsonAt(json, "bases"), "1");
  EXPECT_EQ(JsonAt(json, "bases.0.types"), "125791");
}

}  // namespace
}  // namespace btfd::client
