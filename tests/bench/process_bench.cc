// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/process_bench.h"

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/util/status_macros.h"
#include "tests/bench/timed_process.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::bench {

namespace fs = std::filesystem;
using tests::PrivateDaemon;

namespace {

absl::StatusOr<Timing> UsageOfDaemon(const PrivateDaemon& daemon) {
  ASSIGN_OR_RETURN(const int pid, daemon.Pid());
  return UsageOf(pid);
}

// The benchmarks measure the work, not the result cache.
std::vector<std::string> Uncached(const PrivateDaemon& daemon,
                                  const std::vector<std::string>& more = {}) {
  std::vector<std::string> environment = {"BTFD_RESULT_CACHE=0"};
  environment.insert(environment.end(), more.begin(), more.end());
  return daemon.Environment(environment);
}

std::string ModulePath(const tests::Kernel& kernel, const std::string& name) {
  const auto found = tests::ModulesNamed(kernel.modules, {name});
  return found.empty() ? "" : found[0];
}

void RemoveSideFiles(const std::vector<std::string>& modules) {
  std::error_code ignored;
  for (const std::string& module : modules) {
    for (const char* section : {".BTF", ".BTF_ids", ".BTF.base"}) {
      fs::remove(module + section, ignored);
    }
  }
}

// Runs both tools on `modules` in turn, `rounds` times. The first round only
// warms the caches. The files beside the modules that an earlier run wrote are
// removed, because gen-btf.sh leaves none.
absl::Status InTurn(const std::vector<std::string>& modules,
                    const std::vector<std::string>& peer,
                    const std::vector<std::string>& ours,
                    const std::vector<std::string>& our_environment, int rounds,
                    std::vector<double>* peer_ms, std::vector<double>* our_ms) {
  for (int i = 0; i <= rounds; ++i) {
    RemoveSideFiles(modules);
    ASSIGN_OR_RETURN(Timing theirs, RunTimed(peer, {}));
    RemoveSideFiles(modules);
    ASSIGN_OR_RETURN(Timing mine, RunTimed(ours, our_environment));
    if (i == 0) continue;
    peer_ms->push_back(theirs.wall_ms);
    our_ms->push_back(mine.wall_ms);
  }
  return absl::OkStatus();
}

// Copies modules without their signatures, so that each tool may write to them.
std::vector<std::string> CopyModules(const std::vector<std::string>& modules,
                                     const std::string& directory) {
  fs::create_directories(directory);
  std::vector<std::string> copies;
  for (size_t i = 0; i < modules.size(); ++i) {
    // Several folders have modules of one name. The index keeps their copies
    // apart.
    const std::string copy = absl::StrFormat(
        "%s/%d-%s", directory, i, fs::path(modules[i]).filename().string());
    fs::copy_file(modules[i], copy);
    copies.push_back(copy);
  }
  return copies;
}

// Makes a module as pahole leaves it: without .BTF, which is in a file beside
// it.
absl::Status Unembed(const std::string& module) {
  const tests::ProcessResult result = tests::RunProcess(
      {"objcopy", absl::StrCat("--dump-section=.BTF=", module, ".BTF.1"),
       "--remove-section=.BTF", module});
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("objcopy: ", result.err));
}

// What gen-btf.sh of 7.2 and 7.3 does after pahole: it finalizes, embeds .BTF
// and .BTF.base, then patches .BTF_ids.
std::vector<std::string> UpstreamSteps(const std::string& peer,
                                       const std::string& base,
                                       const std::string& module) {
  const std::string script = absl::StrFormat(
      R"(set -e
         %s --btf_base %s --distill_base --btf "$1.BTF.1" "$1"
         objcopy --add-section ".BTF=$1.BTF" "$1"
         objcopy --add-section ".BTF.base=$1.BTF.base" "$1"
         if [ -f "$1.BTF_ids" ]; then
           %s --patch_btfids "$1.BTF_ids" "$1"
         fi)",
      peer, base, peer);
  return {"sh", "-c", script, "sh", module};
}

absl::Status BenchOneBatch(const tests::Kernel& kernel,
                           const Programs& programs, const std::string& profile,
                           double bar, Report* report) {
  const std::string& peer =
      profile == "7.3" ? programs.peer_73 : programs.peer_72;
  constexpr size_t kSpread = 100;
  // Modules of all sizes, so that the time for all modules can be computed from
  // theirs.
  const auto spread = tests::SpreadBySize(kernel.modules, kSpread);
  tests::ScratchDir scratch;
  Timing peer_total;
  for (const std::string& copy : CopyModules(spread, scratch.file("peer"))) {
    RETURN_IF_ERROR(Unembed(copy));
    ASSIGN_OR_RETURN(
        Timing timing,
        RunTimed(UpstreamSteps(peer, kernel.vmlinux_btf, copy), {}));
    peer_total.wall_ms += timing.wall_ms;
    peer_total.cpu_ms += timing.cpu_ms;
  }
  // The peer's steps are independent processes, so two cores take half the
  // time.
  const double scale = double(kernel.modules.size()) / spread.size();
  const double peer_wall_s = peer_total.wall_ms * scale / 2 / 1000;
  const double peer_cpu_s = peer_total.cpu_ms * scale / 1000;

  PrivateDaemon daemon(programs.ours);
  RETURN_IF_ERROR(daemon.Start());
  // The first module makes the daemon load the base. Only a warm daemon is
  // timed.
  const auto copies = CopyModules(kernel.modules, scratch.file("ours"));
  const std::string list = scratch.file("list");
  {
    std::ofstream out(list);
    for (const std::string& copy : copies) out << copy << "\n";
  }
  const auto warm = CopyModules({spread[0]}, scratch.file("warm"));
  const std::vector<std::string> common = {
      programs.ours.btfc, "finalize",         "--base",    kernel.vmlinux_btf,
      "--distill=always", "--drop-signature", "--profile", profile};
  std::vector<std::string> warm_up = common;
  warm_up.push_back(warm[0]);
  RETURN_IF_ERROR(RunTimed(warm_up, Uncached(daemon)).status());
  ASSIGN_OR_RETURN(const Timing before, UsageOfDaemon(daemon));
  std::vector<std::string> argv = common;
  argv.insert(argv.end(), {"--from-file", list});
  ASSIGN_OR_RETURN(const Timing client, RunTimed(argv, Uncached(daemon)));
  ASSIGN_OR_RETURN(const Timing after, UsageOfDaemon(daemon));

  const std::string peer_name = absl::StrCat(profile, "'s tool + objcopy");
  report->AddTimes(
      absl::StrFormat(
          "all %d modules, profile %s, distilled and embedded, wall",
          kernel.modules.size(), profile),
      "s", peer_name, {peer_wall_s}, {client.wall_ms / 1000},
      Statistic::kMedian, bar);
  report->AddTimes("the same, CPU of client and daemon", "s", peer_name,
                   {peer_cpu_s},
                   {(client.cpu_ms + after.cpu_ms - before.cpu_ms) / 1000},
                   Statistic::kMedian, bar);
  report->AddUpperBound("peak memory of the client in that batch", "MiB",
                        {client.peak_rss_mib}, 64);
  report->AddUpperBound("peak memory of the daemon in that batch", "MiB",
                        {after.peak_rss_mib}, 160);
  return absl::OkStatus();
}

// One process for each module, two at a time, as make runs them.
absl::Status BenchProcessEach(const tests::Kernel& kernel,
                              const Programs& programs, Report* report) {
  constexpr size_t kModules = 600;
  tests::ScratchDir scratch;
  const auto copies = CopyModules(tests::SpreadBySize(kernel.modules, kModules),
                                  scratch.file("modules"));
  const std::string list = scratch.file("list");
  {
    std::ofstream out(list);
    for (const std::string& copy : copies) out << copy << "\n";
  }
  const auto command = [&](const std::vector<std::string>& tool) {
    std::vector<std::string> argv = {"xargs", "-P2", "-n1", "-a", list};
    argv.insert(argv.end(), tool.begin(), tool.end());
    argv.insert(argv.end(), {"--btf_base", kernel.vmlinux_btf});
    return argv;
  };
  PrivateDaemon daemon(programs.ours);
  RETURN_IF_ERROR(daemon.Start());
  std::vector<double> peer_ms, our_ms;
  RETURN_IF_ERROR(InTurn(copies, command({programs.peer_72}),
                         command({programs.ours.resolve_btfids}),
                         Uncached(daemon, {"BTFD_PROFILE=7.2"}), /*rounds=*/3,
                         &peer_ms, &our_ms));
  // Two run at a time, so one module takes a core for twice its share of the
  // wall time.
  for (double& ms : peer_ms) ms *= 2.0 / copies.size();
  for (double& ms : our_ms) ms *= 2.0 / copies.size();
  report->AddTimes(
      "one process a module (xargs -P2), drop-in, 7.2 in-tree, module and core",
      "ms", "7.2's tool", peer_ms, our_ms, Statistic::kMedian, 4);
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchDropIn(const tests::Kernel& kernel, const Programs& programs,
                         Report* report) {
  PrivateDaemon daemon(programs.ours);
  RETURN_IF_ERROR(daemon.Start());
  struct Case {
    const char* module;
    const char* profile;
    bool distill;
    int rounds;
    double bar;
  };
  const Case cases[] = {
      {"af_key", "7.2", false, 40, 2},
      {"af_key", "7.3", true, 25, 25},
      {"nf_conntrack", "7.3", true, 25, 22},
      {"amdgpu", "7.3", true, 9, 18},
  };
  for (const Case& c : cases) {
    const std::string module = ModulePath(kernel, c.module);
    if (module.empty()) return absl::NotFoundError(c.module);
    tests::ScratchDir scratch;
    const auto copies = CopyModules({module, module}, scratch.path());
    const std::string& peer = absl::string_view(c.profile) == "7.3"
                                  ? programs.peer_73
                                  : programs.peer_72;
    std::vector<std::string> peer_argv = {peer, "--btf_base",
                                          kernel.vmlinux_btf};
    std::vector<std::string> our_argv = {programs.ours.resolve_btfids,
                                         "--btf_base", kernel.vmlinux_btf};
    if (c.distill) {
      peer_argv.push_back("--distill_base");
      our_argv.push_back("--distill_base");
    }
    peer_argv.push_back(copies[0]);
    our_argv.push_back(copies[1]);
    std::vector<double> peer_ms, our_ms;
    RETURN_IF_ERROR(
        InTurn(copies, peer_argv, our_argv,
               Uncached(daemon, {absl::StrCat("BTFD_PROFILE=", c.profile)}),
               c.rounds, &peer_ms, &our_ms));
    report->AddTimes(
        absl::StrFormat("resolve_btfids, %s%s, whole process: %s", c.profile,
                        c.distill ? " distilled" : " in-tree", c.module),
        "ms", absl::StrCat(c.profile, "'s tool"), peer_ms, our_ms,
        Statistic::kMedian, c.bar);
  }
  return absl::OkStatus();
}

absl::Status BenchRestart(const tests::Kernel& kernel, const Programs& programs,
                          Report* report) {
  constexpr double kBarMs = 50;
  PrivateDaemon daemon(programs.ours);
  const std::string module = ModulePath(kernel, "af_key");
  tests::ScratchDir scratch;
  const auto copies = CopyModules({module}, scratch.path());
  const std::vector<std::string> argv = {programs.ours.resolve_btfids,
                                         "--btf_base", kernel.vmlinux_btf,
                                         copies[0]};
  std::vector<double> first;
  for (int i = 0; i < 8; ++i) {
    RETURN_IF_ERROR(daemon.Start());
    ASSIGN_OR_RETURN(const Timing timing,
                     RunTimed(argv, Uncached(daemon, {"BTFD_PROFILE=7.2"})));
    // The first start of all still has to send the base.
    if (i > 0) first.push_back(timing.wall_ms);
    RETURN_IF_ERROR(daemon.Stop());
  }
  report->AddUpperBound(
      "first request after a daemon restart, whole process: af_key", "ms",
      first, kBarMs);
  return absl::OkStatus();
}

absl::Status BenchBatch(const tests::Kernel& kernel, const Programs& programs,
                        Report* report) {
  RETURN_IF_ERROR(BenchOneBatch(kernel, programs, "7.3", 40, report));
  RETURN_IF_ERROR(BenchOneBatch(kernel, programs, "7.2", 12, report));
  return BenchProcessEach(kernel, programs, report);
}

}  // namespace btfd::bench
