// SPDX-License-Identifier: Apache-2.0
#include "tests/pahole/oracle.h"

#include <filesystem>

#include "absl/strings/str_replace.h"
#include "tests/support/process.h"

namespace btfd::tests {

namespace {

using Flags = std::vector<std::string>;

// From scripts/Makefile.btf of 6.12, 7.2 and 7.3, and scripts/pahole-flags.sh
// of 6.1.
const char kCommonFeatures[] =
    "--btf_features=encode_force,var,float,enum64,decl_tag,type_tag,"
    "optimized_func,consistent_func";
const char kNoRust[] = "--lang_exclude=rust";

Flags Of73() { return {kCommonFeatures, "--btf_features=layout", kNoRust}; }
Flags Of612() {
  return {std::string(kCommonFeatures) + ",decl_tag_kfuncs", kNoRust};
}
Flags Of72() {
  return {std::string(kCommonFeatures) + ",decl_tag_kfuncs",
          "--btf_features=attributes", "--btf_features=layout", kNoRust};
}
// For pahole 1.24, and for later ones.
Flags Of61Old() { return {"--btf_gen_floats", kNoRust}; }
Flags Of61New() {
  return {"--btf_gen_floats", kNoRust, "--skip_encoding_btf_inconsistent_proto",
          "--btf_gen_optimized"};
}

Flags With(Flags flags, const std::string& more) {
  flags.push_back(more);
  return flags;
}

std::vector<PaholeRun> MakeAllRuns() {
  std::vector<PaholeRun> runs;
  for (const char* version : {"1.30", "1.32"}) {
    runs.push_back({version, "7.3", Of73()});
    runs.push_back({version, "7.3 over a base", Of73(), true});
    runs.push_back({version, "7.2", Of72()});
    runs.push_back({version, "6.12", Of612()});
    runs.push_back({version, "6.1", Of61New()});
    // A build with a fixed timestamp.
    runs.push_back({version, "7.3 reproducible",
                    With(Of73(), "--btf_features=+reproducible_build")});
    runs.push_back(
        {version, "global_var", With(Of73(), "--btf_features=global_var")});
    runs.push_back({version, "default", {"--btf_features=default"}});
    runs.push_back({version, "no options", {}});
    runs.push_back(
        {version,
         "all off",
         {"--skip_encoding_btf_vars", "--skip_encoding_btf_decl_tag",
          "--skip_encoding_btf_type_tag", "--skip_encoding_btf_enum64"}});
  }
  runs.push_back({"1.24", "6.1", Of61Old()});
  runs.push_back({"1.24", "6.1 over a base", Of61Old(), true});
  runs.push_back({"1.24", "no options", {}});
  runs.push_back(
      {"1.24",
       "all off",
       {"--skip_encoding_btf_vars", "--skip_encoding_btf_decl_tag",
        "--skip_encoding_btf_type_tag", "--skip_encoding_btf_enum64"}});
  return runs;
}

}  // namespace

const std::vector<PaholeRun>& RunsOf(Runs runs) {
  static const auto* usual =
      new std::vector<PaholeRun>{{"1.32", "7.3", Of73()},
                                 {"1.30", "6.12", Of612()},
                                 {"1.24", "6.1", Of61Old()}};
  static const auto* random = new std::vector<PaholeRun>{
      {"1.32", "7.3", Of73()},
      {"1.32", "7.3 over a base", Of73(), true},
      {"1.32", "global_var", With(Of73(), "--btf_features=global_var")},
      {"1.30", "6.12", Of612()},
      {"1.30", "7.3 over a base", Of73(), true},
      {"1.24", "6.1", Of61Old()},
      {"1.24", "6.1 over a base", Of61Old(), true}};
  static const auto* all = new std::vector<PaholeRun>(MakeAllRuns());
  switch (runs) {
    case Runs::kUsual:
      return *usual;
    case Runs::kRandom:
      return *random;
    case Runs::kAll:
      break;
  }
  return *all;
}

std::vector<std::string> RealPahole(const std::string& version,
                                    const std::string& peers) {
  if (version == "1.24") return {"/usr/bin/pahole"};
  // Starts it without the script around it, which takes as long as a small run.
  const std::string folder = peers + "/pahole-" + version;
  return {folder + "/lib/ld-linux-x86-64.so.2", "--library-path",
          folder + "/lib", folder + "/pahole.elf"};
}

EncodeResult RunPahole(const std::vector<std::string>& program,
                       const std::vector<std::string>& flags,
                       const std::string& base, const std::string& input,
                       const std::string& out,
                       const std::vector<std::string>& environment) {
  std::vector<std::string> argv = program;
  argv.push_back("-J");
  argv.insert(argv.end(), flags.begin(), flags.end());
  if (!base.empty()) argv.push_back("--btf_base=" + base);
  argv.push_back("--btf_encode_detached=" + out);
  argv.push_back(input);
  ProcessOptions options;
  options.environment = environment;
  options.environment.push_back("PAHOLE_LANG_EXCLUDE");
  ProcessResult process = RunProcess(argv, options);
  EncodeResult result;
  result.exit_code = process.exit_code;
  result.err =
      absl::StrReplaceAll(process.err, {{input, "FILE"}, {out, "OUT"}});
  std::error_code ignored;
  if (std::filesystem::exists(out, ignored)) {
    result.btf = ReadFileOrEmpty(out);
    std::filesystem::remove(out, ignored);
  }
  return result;
}

}  // namespace btfd::tests
