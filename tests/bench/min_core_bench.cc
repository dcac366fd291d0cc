// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/min_core_bench.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/btf/base.h"
#include "lib/core/min_core.h"
#include "lib/core/program.h"
#include "lib/elf/bpf_object.h"
#include "lib/util/status_macros.h"
#include "tests/bench/timed_process.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

namespace fs = std::filesystem;

namespace {

constexpr char kSources[] = "tests/core/programs";
constexpr size_t kPrograms = 20;
constexpr int kRounds = 3;
constexpr int kWarmRounds = 200;

absl::StatusOr<std::vector<std::string>> Compile(const std::string& directory) {
  std::vector<std::string> sources;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kSources, error)) {
    const std::string path = entry.path();
    if (absl::EndsWith(path, ".bpf.c")) sources.push_back(path);
  }
  std::sort(sources.begin(), sources.end());
  if (sources.size() < kPrograms) {
    return absl::NotFoundError(absl::StrCat(
        kSources, " has no ", kPrograms, " programs: run it from the sources"));
  }
  sources.resize(kPrograms);
  std::vector<std::string> objects;
  for (const std::string& source : sources) {
    objects.push_back(
        absl::StrCat(directory, "/", fs::path(source).stem().string(), ".o"));
    const tests::ProcessResult result =
        tests::RunProcess({"clang", "-target", "bpf", "-g", "-O2", "-c", source,
                           "-o", objects.back()});
    if (result.exit_code != 0) {
      return absl::InternalError(absl::StrCat("clang: ", result.err));
    }
  }
  return objects;
}

std::vector<std::string> FindKernels() {
  std::vector<std::string> kernels;
  for (const char* name :
       {"6.1", "6.12", "7.2", "7.3", "6.12-arm64", "6.12-s390x"}) {
    const auto btf = tests::FindKernelBtf(name);
    if (btf.ok()) kernels.push_back(*btf);
  }
  auto releases = tests::FindReleases();
  // Those that are always there; the others are for benchmarks alone.
  if (!releases.ok()) releases = tests::FindPointReleases();
  if (!releases.ok()) return kernels;
  for (const tests::Kernel& kernel : *releases) {
    kernels.push_back(kernel.vmlinux_btf);
  }
  return kernels;
}

// One output of bpftool after the other; the sum of the times in seconds.
absl::StatusOr<double> ByBpftool(
    const std::string& bpftool, const std::vector<std::string>& kernels,
    const std::vector<std::vector<std::string>>& groups,
    const std::string& output) {
  double seconds = 0;
  for (const std::string& kernel : kernels) {
    for (const std::vector<std::string>& objects : groups) {
      std::vector<std::string> argv = {bpftool, "gen", "min_core_btf", kernel,
                                       output};
      argv.insert(argv.end(), objects.begin(), objects.end());
      ASSIGN_OR_RETURN(const Timing timing, RunTimed(argv, {}));
      seconds += timing.wall_ms / 1e3;
    }
  }
  return seconds;
}

absl::StatusOr<double> ByUs(const std::string& btfc,
                            const std::vector<std::string>& kernels,
                            const std::vector<std::string>& objects, bool each,
                            const std::string& directory) {
  std::vector<std::string> argv = {btfc, "min-core", "-o", directory};
  if (each) argv.push_back("--each");
  argv.insert(argv.end(), kernels.begin(), kernels.end());
  argv.push_back("--");
  argv.insert(argv.end(), objects.begin(), objects.end());
  ASSIGN_OR_RETURN(const Timing timing, RunTimed(argv, {}));
  return timing.wall_ms / 1e3;
}

absl::StatusOr<std::vector<core::Program>> ReadPrograms(
    const std::vector<std::string>& objects) {
  std::vector<core::Program> programs;
  for (const std::string& path : objects) {
    ASSIGN_OR_RETURN(const elf::BpfObject object, elf::ReadBpfObject(path));
    ASSIGN_OR_RETURN(core::Program program,
                     core::Program::Parse(path, object.btf, object.btf_ext,
                                          object.pointer_size));
    programs.push_back(std::move(program));
  }
  return programs;
}

// Milliseconds for one more program, from its file to the bytes, with an index
// that is there and all else made anew.
absl::StatusOr<std::vector<double>> OneMore(
    const std::string& kernel, const std::vector<std::string>& objects) {
  const std::string raw = tests::ReadFileOrEmpty(kernel);
  ASSIGN_OR_RETURN(const auto base, btf::Base::Build(raw));
  std::vector<double> sample;
  for (int i = 0; i < kWarmRounds; ++i) {
    const absl::Time start = absl::Now();
    ASSIGN_OR_RETURN(const std::vector<core::Program> programs,
                     ReadPrograms({objects[i % objects.size()]}));
    core::MinCore min_core(*base, 0);
    RETURN_IF_ERROR(min_core.AddProgram(programs[0]));
    RETURN_IF_ERROR(min_core.Write().status());
    sample.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
  }
  return sample;
}

}  // namespace

absl::Status BenchMinCore(const Programs& programs, Report* report) {
  ASSIGN_OR_RETURN(const std::string bpftool, tests::FindBpftool());
  const tests::ScratchDir scratch;
  ASSIGN_OR_RETURN(const std::vector<std::string> objects,
                   Compile(scratch.path()));
  const std::vector<std::string> kernels = FindKernels();
  if (kernels.empty())
    return absl::NotFoundError("no kernels: run tools/testdata");
  std::vector<std::vector<std::string>> one_by_one;
  for (const std::string& object : objects) one_by_one.push_back({object});
  for (const bool each : {true, false}) {
    std::vector<double> theirs, ours;
    for (int i = 0; i <= kRounds; ++i) {
      ASSIGN_OR_RETURN(
          const double peer,
          ByBpftool(bpftool, kernels,
                    each ? one_by_one
                         : std::vector<std::vector<std::string>>{objects},
                    scratch.file("bpftool.btf")));
      ASSIGN_OR_RETURN(const double mine,
                       ByUs(programs.ours.btfc, kernels, objects, each,
                            scratch.file("ours")));
      // The first round only warms the caches.
      if (i == 0) continue;
      theirs.push_back(peer);
      ours.push_back(mine);
    }
    report->AddTimes(
        absl::StrCat("min-core, ", objects.size(), " programs for ",
                     kernels.size(), " kernels, ",
                     each ? "an output each" : "one output a kernel"),
        "s", "bpftool of 7.3", theirs, ours, Statistic::kMedian, 20);
  }
  std::vector<double> theirs;
  for (const std::string& object : objects) {
    ASSIGN_OR_RETURN(const Timing timing,
                     RunTimed({bpftool, "gen", "min_core_btf", kernels.back(),
                               scratch.file("bpftool.btf"), object},
                              {}));
    theirs.push_back(timing.wall_ms);
  }
  ASSIGN_OR_RETURN(std::vector<double> ours, OneMore(kernels.back(), objects));
  report->Note(absl::StrCat("min-core, one more program: 9 of 10 take at most ",
                            SpreadOf(ours).p90, " ms; the bar is 10 ms"));
  report->AddTimes("min-core, one more program, index in memory", "ms",
                   "bpftool of 7.3", std::move(theirs), std::move(ours),
                   Statistic::kMedian, 20);
  return absl::OkStatus();
}

}  // namespace btfd::bench
