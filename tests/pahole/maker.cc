// SPDX-License-Identifier: Apache-2.0
#include "tests/pahole/maker.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"
#include "tests/pahole/oracle.h"
#include "tests/pahole/random_c.h"
#include "tests/support/process.h"

namespace btfd::tests {

namespace {

// Greater than all seeds of the programs.
constexpr uint64_t kBaseSeeds = uint64_t{1} << 40;

std::vector<std::string> WriteProgram(uint64_t seed,
                                      const ScratchDir& scratch) {
  std::vector<std::string> paths;
  for (const std::string& source : RandomProgram(seed)) {
    paths.push_back(scratch.file(absl::StrCat("unit", paths.size(), ".c")));
    WriteFile(paths.back(), source);
  }
  return paths;
}

// Seven of ten programs are built in the usual ways, the others in special
// ways.
const Build& BuildOf(uint64_t seed) {
  std::vector<const Build*> usual, special;
  for (const Build& build : AllBuilds()) {
    (build.usual ? usual : special).push_back(&build);
  }
  const auto& chosen = seed % 10 < 7 ? usual : special;
  return *chosen[seed / 10 % chosen.size()];
}

}  // namespace

absl::StatusOr<Bases> MakeBases(const std::vector<std::string>& sources,
                                const std::string& peers) {
  const ScratchDir scratch;
  const std::string object = scratch.file("object");
  const std::string error =
      MakeObject(AllBuilds()[0], sources, {}, scratch.path(), object);
  if (!error.empty()) return absl::InternalError(error);
  Bases bases;
  for (const PaholeRun& run : RunsOf(Runs::kUsual)) {
    EncodeResult result = RunPahole(RealPahole(run.version, peers), run.flags,
                                    "", object, scratch.file("out"));
    if (!result.btf) {
      return absl::InternalError(
          absl::StrCat("pahole ", run.version, " made no base: ", result.err));
    }
    bases[run.version] = *std::move(result.btf);
  }
  return bases;
}

absl::StatusOr<Built> MakeBuilt(const Build& build, Runs runs,
                                const std::vector<std::string>& sources,
                                const std::vector<std::string>& flags,
                                const Bases& bases, const std::string& peers) {
  const ScratchDir scratch;
  const std::string object = scratch.file("object");
  const std::string error =
      MakeObject(build, sources, flags, scratch.path(), object);
  if (!error.empty()) {
    return absl::InternalError(absl::StrCat("by ", build.name, ": ", error));
  }
  for (const auto& [version, base] : bases) {
    WriteFile(scratch.file("base-" + version), base);
  }
  Built built;
  built.build = build.name;
  built.object = ReadFileOrEmpty(object);
  built.runs = runs;
  for (const PaholeRun& run : RunsOf(runs)) {
    built.results.push_back(
        RunPahole(RealPahole(run.version, peers), run.flags,
                  run.with_base ? scratch.file("base-" + run.version) : "",
                  object, scratch.file("out")));
    // Exit code 127: the pahole could not be started.
    if (built.results.back().exit_code == 127) {
      return absl::InternalError(built.results.back().err);
    }
  }
  return built;
}

absl::StatusOr<CaseGroup> MakeRandomGroup(uint64_t group,
                                          const std::string& peers) {
  CaseGroup made;
  {
    const ScratchDir scratch;
    ASSIGN_OR_RETURN(
        made.bases,
        MakeBases(WriteProgram(kBaseSeeds + group, scratch), peers));
  }
  for (uint64_t seed = group * kGroupSize; seed < (group + 1) * kGroupSize;
       ++seed) {
    const ScratchDir scratch;
    auto built = MakeBuilt(BuildOf(seed), Runs::kRandom,
                           WriteProgram(seed, scratch), {}, made.bases, peers);
    if (!built.ok()) {
      return absl::InternalError(
          absl::StrCat("seed ", seed, ": ", built.status().message()));
    }
    made.cases.push_back({absl::StrCat("seed", seed), {*std::move(built)}});
  }
  return made;
}

}  // namespace btfd::tests
