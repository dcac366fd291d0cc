// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/dedup/diff.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/differential/dedup/native.h"
#include "tests/oracle/oracle.h"

namespace btfd::tests {

namespace {

// What libbpf makes; nullopt if it refuses the case.
std::optional<std::string> ExpectedDedup(const GeneratedCase& input) {
  OracleBtf base;
  if (input.has_base) {
    base = OracleParse(input.base, nullptr);
    if (base == nullptr) return std::nullopt;
  }
  const OracleBtf split = OracleParse(input.split, base.get());
  if (split == nullptr || OracleDedup(split.get()) < 0) return std::nullopt;
  return OracleBytes(split.get());
}

// Limits libbpf's processor time. Where it hangs, it neither allocates memory
// nor holds a lock, so a jump can leave it. The memory that it had stays
// allocated.
constexpr int kOracleMilliseconds = 500;
sigjmp_buf g_way_out;

void LeaveOracle(int) { siglongjmp(g_way_out, 1); }

// Processor time as well, so that a busy machine is not taken for an endless
// loop.
constexpr int kCaseSeconds = 20;

void SetTimer(__itimer_which which, int seconds, int milliseconds) {
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  timer.it_value.tv_usec = milliseconds * 1000;
  setitimer(which, &timer, nullptr);
}

// Returns false if libbpf did not end.
bool RunOracle(const GeneratedCase& input,
               std::optional<std::string>* expected) {
  signal(SIGVTALRM, LeaveOracle);
  if (sigsetjmp(g_way_out, 1) != 0) return false;
  SetTimer(ITIMER_VIRTUAL, 0, kOracleMilliseconds);
  *expected = ExpectedDedup(input);
  SetTimer(ITIMER_VIRTUAL, 0, 0);
  return true;
}

std::string Compare(const absl::StatusOr<std::string>& native,
                    const std::optional<std::string>& expected) {
  if (native.ok() != expected.has_value()) {
    return expected.has_value() ? absl::StrCat("only the engine refuses: ",
                                               native.status().message())
                                : "only libbpf refuses";
  }
  if (!native.ok() || *native == *expected) return "";
  size_t at = 0;
  while (at < native->size() && at < expected->size() &&
         (*native)[at] == (*expected)[at]) {
    ++at;
  }
  return absl::StrCat(native->size(), " bytes instead of ", expected->size(),
                      ", the first difference at ", at);
}

// What the signal handler needs.
struct Current {
  const char* style;
  uint64_t seed;
};
volatile Current g_current = {"", 0};

void SayWhere(int signal_number) {
  char text[128];
  const int length =
      snprintf(text, sizeof(text), "signal %d in style %s, seed %llu\n",
               signal_number, const_cast<const char*>(g_current.style),
               static_cast<unsigned long long>(g_current.seed));
  if (write(STDERR_FILENO, text, static_cast<size_t>(length)) < 0) _exit(3);
  _exit(2);
}

}  // namespace

DedupDiff CompareDedup(const GeneratedCase& input, util::Arena* arena) {
  DedupDiff diff;
  std::optional<std::string> expected;
  diff.endless = !RunOracle(input, &expected);
  diff.refused = !diff.endless && !expected.has_value();
  NativeBase over;
  if (input.has_base) {
    auto loaded = LoadNativeBase(input.base);
    if (!loaded.ok()) {
      if (!diff.endless) {
        diff.difference = Compare(loaded.status(), expected);
      }
      return diff;
    }
    over = *std::move(loaded);
  }
  for (const bool learn_at_once : {false, true}) {
    engine::DedupOptions options;
    options.learn_at_once = learn_at_once;
    const auto native = NativeDedup(input.split, over, options, arena);
    if (diff.endless) continue;
    const std::string difference = Compare(native, expected);
    if (difference.empty()) continue;
    diff.difference =
        absl::StrCat(difference, learn_at_once ? " (learning at once)" : "");
    return diff;
  }
  return diff;
}

FuzzRun FuzzDedup(Style style, uint64_t first_seed, uint64_t count) {
  FuzzRun run;
  util::Arena arena;
  for (const int number : {SIGPROF, SIGSEGV, SIGABRT, SIGFPE, SIGBUS}) {
    signal(number, SayWhere);
  }
  g_current.style = StyleName(style);
  for (uint64_t seed = first_seed; seed < first_seed + count; ++seed) {
    g_current.seed = seed;
    SetTimer(ITIMER_PROF, kCaseSeconds, 0);
    const DedupDiff diff = CompareDedup(Generate(style, seed), &arena);
    ++run.cases;
    run.refused += diff.refused;
    run.endless += diff.endless;
    if (diff.difference.empty()) continue;
    if (++run.differences <= 20) {
      fprintf(stderr, "style %s, seed %llu: %s\n",
              const_cast<const char*>(g_current.style),
              static_cast<unsigned long long>(seed), diff.difference.c_str());
    }
  }
  SetTimer(ITIMER_PROF, 0, 0);
  return run;
}

}  // namespace btfd::tests
