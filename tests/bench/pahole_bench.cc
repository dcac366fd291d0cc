// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/pahole_bench.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"
#include "tests/bench/timed_process.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::bench {

namespace fs = std::filesystem;

namespace {

// The arguments that kbuild gives Debian 12's pahole.
const char* const kPaholeFlags[] = {"--btf_gen_floats", "--lang_exclude=rust"};

constexpr char kTwoFunctions[] = R"(
struct request { int id; const char *name; struct request *next; };
int bench_count(const struct request *first);
int bench_count(const struct request *first) {
  int n = 0;
  for (; first; first = first->next) n += first->id != 0;
  return n;
}
const char *bench_name(const struct request *first, int id);
const char *bench_name(const struct request *first, int id) {
  while (first && first->id != id) first = first->next;
  return first ? first->name : "";
}
)";

absl::Status CompileModule(const std::string& module) {
  const tests::ProcessResult result = tests::RunProcess(
      {"gcc", "-x", "c", "-g", "-O2", "-c", "-", "-o", module},
      {{}, "", kTwoFunctions});
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("gcc: ", result.err));
}

struct Side {
  std::vector<std::string> argv;  // without the module, which is last
  std::vector<std::string> environment;
};

// Runs both sides in turn, each on a fresh copy of the module. The first round
// only warms the caches.
absl::Status InTurn(const std::string& module, const Side& peer,
                    const Side& ours, int rounds, std::vector<double>* peer_ms,
                    std::vector<double>* our_ms) {
  tests::ScratchDir scratch;
  const std::string copy = scratch.file(fs::path(module).filename());
  const auto run = [&](const Side& side) -> absl::StatusOr<double> {
    fs::copy_file(module, copy, fs::copy_options::overwrite_existing);
    std::vector<std::string> argv = side.argv;
    argv.push_back(copy);
    ASSIGN_OR_RETURN(const Timing timing, RunTimed(argv, side.environment));
    return timing.wall_ms;
  };
  for (int i = 0; i <= rounds; ++i) {
    ASSIGN_OR_RETURN(const double theirs, run(peer));
    ASSIGN_OR_RETURN(const double mine, run(ours));
    if (i == 0) continue;
    peer_ms->push_back(theirs);
    our_ms->push_back(mine);
  }
  return absl::OkStatus();
}

std::vector<std::string> KbuildEnvironment(const std::string& peer) {
  return {"PAHOLE=pahole",
          absl::StrCat("PAHOLE_FLAGS=", kPaholeFlags[0], " ", kPaholeFlags[1]),
          "RESOLVE_BTFIDS=" + peer,
          "RESOLVE_BTFIDS_FLAGS=",
          "OBJCOPY=objcopy",
          "CC=gcc",
          "KERNELVERSION=7.2.0",
          "BTFD_RESULT_CACHE=0"};
}

absl::Status BenchWholeStep(const tests::Kernel& kernel,
                            const Programs& programs,
                            const tests::PrivateDaemon& daemon,
                            Report* report) {
  tests::ScratchDir scratch;
  const std::string module = scratch.file("two.ko");
  RETURN_IF_ERROR(CompileModule(module));
  const std::vector<std::string> environment =
      KbuildEnvironment(programs.peer_72);
  const Side peer = {{"sh",
                      fs::path(programs.peer_72).parent_path().string() +
                          "/src/scripts/gen-btf.sh",
                      "--btf_base", kernel.vmlinux_btf},
                     environment};
  const Side ours = {
      {programs.ours.btfc, "gen-btf", "--btf_base", kernel.vmlinux_btf},
      daemon.Environment(environment)};
  std::vector<double> peer_ms, our_ms;
  RETURN_IF_ERROR(InTurn(module, peer, ours, 15, &peer_ms, &our_ms));
  report->AddTimes("pahole and finalization, 7.2, module of two functions",
                   "ms", "7.2's gen-btf.sh", peer_ms, our_ms,
                   Statistic::kMedian, 6);
  return absl::OkStatus();
}

absl::Status BenchPaholeAlone(const tests::PrivateDaemon& daemon,
                              const std::string& btfc, Report* report) {
  ASSIGN_OR_RETURN(const tests::Kernel kernel, tests::FindKernel("6.12"));
  const std::string modules = tests::TestdataRoot() + "/dbg/6.12/";
  struct Case {
    const char* module;
    int rounds;
    double bar;
  };
  const Case cases[] = {
      {"af_key", 15, 3}, {"nf_conntrack", 11, 1.3}, {"xfs", 7, 1.15}};
  for (const Case& c : cases) {
    std::vector<std::string> arguments = {"-J"};
    arguments.insert(arguments.end(), std::begin(kPaholeFlags),
                     std::end(kPaholeFlags));
    arguments.insert(arguments.end(), {"--btf_base", kernel.vmlinux_btf});
    Side peer = {{"pahole"}, {}};
    Side ours = {{btfc, "pahole"}, daemon.Environment({"BTFD_RESULT_CACHE=0"})};
    for (Side* side : {&peer, &ours}) {
      side->argv.insert(side->argv.end(), arguments.begin(), arguments.end());
    }
    std::vector<double> peer_ms, our_ms;
    RETURN_IF_ERROR(InTurn(absl::StrCat(modules, c.module, ".ko"), peer, ours,
                           c.rounds, &peer_ms, &our_ms));
    report->AddTimes(absl::StrCat("pahole alone, 6.12: ", c.module), "ms",
                     "pahole", peer_ms, our_ms, Statistic::kMedian, c.bar);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchPahole(const tests::Kernel& kernel, const Programs& programs,
                         Report* report) {
  tests::PrivateDaemon daemon(programs.ours);
  RETURN_IF_ERROR(daemon.Start());
  RETURN_IF_ERROR(BenchWholeStep(kernel, programs, daemon, report));
  return BenchPaholeAlone(daemon, programs.ours.btfc, report);
}

}  // namespace btfd::bench
