// SPDX-License-Identifier: Apache-2.0
//
// btfc finalize: does for many modules at once what resolve_btfids, two
// objcopies and resolve_btfids --patch_btfids do for one.
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/batch/batch.h"
#include "client/batch/batch_report.h"
#include "client/batch/interrupt.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/commands/commands.h"
#include "client/commands/module_list.h"
#include "client/manual/pages.h"
#include "client/request/base_file.h"
#include "client/request/profile.h"
#include "client/request/trace.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/any_btf.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

struct FinalizeOptions {
  std::string base;
  std::string btf;
  std::string distill = "auto";
  bool dedup = false;
  std::string profile;
  bool drop_signature = false;
  bool sync = false;
  std::string output;
  std::string from_file;
  std::string jobs;
  bool json = false;
  std::string trace_file;
  std::vector<std::string> modules;
};

void Declare(CommandLine* line, FinalizeOptions* options) {
  line->Value("base", &options->base);
  line->Value("btf", &options->btf);
  line->Value("distill", &options->distill);
  line->Flag("dedup", &options->dedup);
  line->Value("profile", &options->profile);
  line->Flag("drop-signature", &options->drop_signature);
  line->Flag("sync", &options->sync);
  line->Value("output", &options->output);
  line->Value("from-file", &options->from_file);
  line->Value("jobs", &options->jobs);
  line->Flag("json", &options->json);
  line->Value("trace_file", &options->trace_file);
}

// Returns what is wrong with the command line, or an empty string. Fills in
// what options set in `batch`.
std::string Translate(const FinalizeOptions& options,
                      const Environment& environment, BatchOptions* batch) {
  StepOverrides overrides;
  overrides.dedup = options.dedup;
  overrides.follow_resolved_ids = true;
  if (options.distill == "always") {
    overrides.distill = true;
  } else if (options.distill == "auto") {
    overrides.distill = environment.external_module;
  } else if (options.distill != "never") {
    return absl::StrCat("--distill is auto, always or never, not '",
                        options.distill, "'");
  }
  if (options.distill == "always" && options.base.empty()) {
    return "--distill=always needs --base";
  }
  overrides.distill = overrides.distill && !options.base.empty();
  const absl::StatusOr<Profile> profile = ChooseFinalizeProfile(
      options.profile, environment.btfd_profile, environment.kernel_version);
  if (!profile.ok()) return std::string(profile.status().message());
  batch->steps = StepsOf(*profile, overrides);
  // The daemon computes as many at once as there are processors, but it may ask
  // remote daemons, too. Requests in flight take memory, so their number is
  // bounded.
  batch->in_flight = std::max(64u, 2 * std::thread::hardware_concurrency());
  if (!options.jobs.empty() &&
      (!absl::SimpleAtoi(options.jobs, &batch->in_flight) ||
       batch->in_flight == 0)) {
    return absl::StrCat("--jobs is a number from 1, not '", options.jobs, "'");
  }
  if (!options.btf.empty()) batch->btf = options.btf;
  batch->drop_signature = options.drop_signature;
  batch->sync = options.sync;
  batch->output = options.output;
  batch->bypass_cache = environment.bypass_result_cache;
  return "";
}

bool IsStandardOutput(const std::string& output) {
  struct stat ours, theirs;
  if (util::DescriptorNamed(output) == STDOUT_FILENO) return true;
  return !output.empty() && fstat(STDOUT_FILENO, &ours) == 0 &&
         !isatty(STDOUT_FILENO) && stat(output.c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

ReportForm FormOf(const FinalizeOptions& options) {
  if (options.json) return ReportForm::kJson;
  const bool bar = isatty(STDOUT_FILENO) && options.modules.size() > 1;
  return bar ? ReportForm::kBar : ReportForm::kLines;
}

}  // namespace

int RunFinalize(const std::vector<std::string>& arguments) {
  FinalizeOptions options;
  CommandLine line(FinalizePage());
  Declare(&line, &options);
  const std::optional<int> end = line.Parse(arguments, &options.modules);
  if (end.has_value()) return *end;
  const Environment environment = Environment::OfProcess();
  BatchOptions batch_options;
  const std::string complaint = Translate(options, environment, &batch_options);
  if (!complaint.empty()) return line.WrongCall(complaint);

  if (!options.from_file.empty()) {
    const auto listed = ReadModuleList(options.from_file);
    if (!listed.ok()) {
      SayError(listed.status().message());
      return kExitFailure;
    }
    options.modules.insert(options.modules.end(), listed->begin(),
                           listed->end());
  } else if (options.modules.empty()) {
    return line.WrongCall("no module is given");
  }
  if (options.modules.size() != 1 &&
      !(options.btf.empty() && options.output.empty())) {
    return line.WrongCall("--btf and --output are for one module");
  }

  std::optional<BaseFile> base;
  if (!options.base.empty()) {
    absl::StatusOr<BaseFile> opened =
        BaseFile::Open(options.base, environment.base_check, &elf::ReadAnyBtf);
    if (!opened.ok()) {
      SayError(opened.status().message());
      return kExitFailure;
    }
    base = std::move(*opened);
  }
  FinalizeClient client(environment, util::RuntimePathsOfProcess(), SayLine);
  // The module itself may be written to stdout.
  FILE* const out = IsStandardOutput(options.output) ? stderr : stdout;
  std::optional<Trace> trace;
  if (!options.trace_file.empty()) trace.emplace(options.trace_file);
  batch_options.trace = trace.has_value() ? &*trace : nullptr;
  BatchReport report(FormOf(options), options.modules.size(), out, stderr);
  Batch batch(std::move(batch_options), &client,
              base.has_value() ? &*base : nullptr,
              [&report](const ModuleResult& result) { report.Add(result); });
  std::optional<Interrupt> interrupt;
  // With a single module, the file is the old one or the new one, and nothing
  // has to be reported in between.
  if (options.modules.size() > 1) interrupt.emplace([&] { batch.Stop(); });
  batch.Run(options.modules);
  report.Finish();
  const absl::Status traced =
      trace.has_value() ? trace->Write() : absl::OkStatus();
  if (!traced.ok()) SayError(traced.message());
  if (interrupt.has_value()) interrupt->EndIfInterrupted();
  return report.failed() == 0 && traced.ok() ? 0 : kExitFailure;
}

}  // namespace btfd::client
