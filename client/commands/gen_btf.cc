// SPDX-License-Identifier: Apache-2.0
//
// btfc gen-btf: the whole BTF step of a kernel build, from DWARF to the
// finished file. It does what scripts/gen-btf.sh of Linux 7.0 and newer does,
// with the same bytes, for one file or for many. Each worker has a connection
// of its own and encodes one file after the other.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "client/batch/batch_report.h"
#include "client/batch/in_threads.h"
#include "client/batch/interrupt.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/cli/jobserver.h"
#include "client/cli/program.h"
#include "client/commands/commands.h"
#include "client/commands/module_list.h"
#include "client/commands/resolve_btfids_options.h"
#include "client/encode/btf_step.h"
#include "client/encode/explain.h"
#include "client/encode/real_pahole.h"
#include "client/encode/stand_in.h"
#include "client/manual/pages.h"
#include "client/request/base_file.h"
#include "client/request/profile.h"
#include "client/request/trace.h"
#include "client/rpc/finalize_client.h"
#include "lib/util/heap.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

std::string FromEnvironment(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

struct GenBtfOptions {
  BtfStepOptions step;
  std::vector<std::string> files;
  uint32_t jobs = 0;  // 0: not given
  bool json = false;
  std::string trace_file;
};

class GenBtf {
 public:
  explicit GenBtf(GenBtfOptions options)
      : options_(std::move(options)), environment_(Environment::OfProcess()) {
    if (options_.trace_file.empty()) return;
    trace_.emplace(options_.trace_file);
    options_.step.trace = &*trace_;
  }

  // Returns the exit code and has printed everything.
  int Run();

 private:
  int RunOne(const std::string& elf);
  int RunMany();
  // Takes the next file until none is left, or until it is interrupted.
  void Work(std::atomic<size_t>* next, absl::Mutex* mutex, BatchReport* report);
  absl::StatusOr<std::optional<BaseFile>> OpenBase() const;

  int WriteTrace(int exit_code) const;

  std::optional<Trace> trace_;
  GenBtfOptions options_;  // constant, once the trace is in it
  const Environment environment_;
  std::atomic<bool> stopped_{false};
};

absl::StatusOr<std::optional<BaseFile>> GenBtf::OpenBase() const {
  std::optional<BaseFile> base;
  if (!options_.step.base.empty()) {
    ASSIGN_OR_RETURN(
        base, BaseFile::Open(options_.step.base, environment_.base_check));
  }
  return base;
}

int GenBtf::RunOne(const std::string& elf) {
  // A vmlinux may be read by several threads; a module is soon read by one.
  BtfStepOptions step_options = options_.step;
  const bool is_vmlinux = step_options.base.empty();
  const std::optional<JobserverTokens> tokens =
      is_vmlinux && options_.jobs == 0
          ? JobserverTokens::Take(
                FromEnvironment("MAKEFLAGS"),
                std::max(1u, std::thread::hardware_concurrency()) - 1)
          : std::nullopt;
  if (is_vmlinux) step_options.threads = static_cast<int>(options_.jobs);
  if (tokens.has_value()) {
    step_options.threads = 1 + static_cast<int>(tokens->count());
  }
  const auto fail = [&elf](absl::string_view message, int exit_code) {
    const bool named = absl::StrContains(message, elf);
    SayError(absl::StrCat("gen-btf: ", named ? "" : elf + ": ", message));
    return exit_code;
  };
  absl::StatusOr<std::optional<BaseFile>> base = OpenBase();
  if (!base.ok()) return fail(base.status().message(), kExitFailed);
  FinalizeClient client(environment_, util::RuntimePathsOfProcess(), SayLine);
  BtfStep step(step_options, &client, base->has_value() ? &**base : nullptr);
  const BtfStepResult result = step.Run(elf);
  for (const std::string& warning : result.warnings) SayLine(warning);
  if (result.status.ok()) return 0;
  return fail(result.status.message(), result.exit_code);
}

ModuleResult ForReport(const std::string& elf, const BtfStepResult& step) {
  ModuleResult result;
  result.path = elf;
  result.status = step.status;
  result.warnings = step.warnings;
  result.cached = step.response.cached();
  result.types_in = step.types_met != 0 ? static_cast<uint32_t>(step.types_met)
                                        : step.response.types_in();
  result.types_out = step.response.types_out();
  result.bytes_in = step.bytes_in;
  result.bytes_out =
      step.response.btf().size() + step.response.btf_base().size();
  result.engine_ns = step.response.engine_ns();
  return result;
}

void GenBtf::Work(std::atomic<size_t>* next, absl::Mutex* mutex,
                  BatchReport* report) {
  FinalizeClient client(environment_, util::RuntimePathsOfProcess(), SayLine);
  absl::StatusOr<std::optional<BaseFile>> base = OpenBase();
  std::optional<BtfStep> step;  // for all files: it learns about the base once
  if (base.ok()) {
    step.emplace(options_.step, &client, base->has_value() ? &**base : nullptr);
  }
  for (;;) {
    const size_t index = next->fetch_add(1);
    if (index >= options_.files.size() || stopped_) return;
    const std::string& elf = options_.files[index];
    BtfStepResult result;
    result.status = base.status();
    if (step.has_value()) result = step->Run(elf);
    const absl::MutexLock lock(mutex);
    report->Add(ForReport(elf, result));
  }
}

int GenBtf::RunMany() {
  std::optional<TraceSpan> span;
  span.emplace(options_.step.trace, "batch");
  const ReportForm form = options_.json           ? ReportForm::kJson
                          : isatty(STDOUT_FILENO) ? ReportForm::kBar
                                                  : ReportForm::kLines;
  BatchReport report(form, options_.files.size(), stdout, stderr);
  absl::Mutex mutex;
  std::atomic<size_t> next = 0;
  Interrupt interrupt([this] { stopped_ = true; });
  const auto work = [&] { Work(&next, &mutex, &report); };
  const uint32_t jobs =
      options_.jobs != 0 ? options_.jobs : std::thread::hardware_concurrency();
  const size_t count = std::clamp<size_t>(jobs, 1, options_.files.size());
  RunInThreads(count, work);
  span.reset();
  report.Finish();
  const int exit_code = WriteTrace(report.failed() == 0 ? 0 : kExitFailure);
  interrupt.EndIfInterrupted();
  return exit_code;
}

// Returns the exit code, which is one of failure if the trace cannot be
// written.
int GenBtf::WriteTrace(int exit_code) const {
  const absl::Status traced =
      trace_.has_value() ? trace_->Write() : absl::OkStatus();
  if (traced.ok()) return exit_code;
  SayError(absl::StrCat("gen-btf: ", traced.message()));
  return exit_code == 0 ? kExitFailure : exit_code;
}

int GenBtf::Run() {
  util::PrepareHeap();
  if (options_.files.size() == 1 && !options_.json) {
    return WriteTrace(RunOne(options_.files[0]));
  }
  return RunMany();
}

// Reads the settings in the environment.
absl::Status FillFromEnvironment(BtfStepOptions* step) {
  const Environment environment = Environment::OfProcess();
  std::vector<std::string> words =
      SplitWords(FromEnvironment("RESOLVE_BTFIDS_FLAGS"));
  words.push_back("ELF");  // it must name one
  const ParsedResolveBtfids flags = ParseResolveBtfids(words, std::nullopt);
  if (flags.exit_code != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("RESOLVE_BTFIDS_FLAGS: ", flags.err));
  }
  step->distill = flags.options.distill_base;
  ASSIGN_OR_RETURN(step->profile,
                   ChooseFinalizeProfile("", environment.btfd_profile,
                                         environment.kernel_version));
  step->pahole_flags = SplitWords(FromEnvironment("PAHOLE_FLAGS"));
  step->lang_exclude = FromEnvironment("PAHOLE_LANG_EXCLUDE");
  step->verbose = absl::StrContains(FromEnvironment("KBUILD_VERBOSE"), "1");
  StandInSettings settings = StandInSettingsOfProcess();
  settings.real = RealPaholeOf(FromEnvironment("PAHOLE"));
  ASSIGN_OR_RETURN(step->stand_in, ChooseStandIn(settings));
  return absl::OkStatus();
}

}  // namespace

int RunGenBtf(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  GenBtfOptions options;
  options.step.explain = TakeExplainOptions(&words);
  std::string from_file, jobs;
  CommandLine line(GenBtfPage());
  line.Value("btf_base", &options.step.base);
  line.Flag("upstream-exact", &options.step.upstream_exact);
  line.Value("from-file", &from_file);
  line.Value("jobs", &jobs);
  line.Flag("json", &options.json);
  line.Value("trace_file", &options.trace_file);
  if (const std::optional<int> exit_code = line.Parse(words, &options.files)) {
    return *exit_code;
  }
  if (!jobs.empty() &&
      (!absl::SimpleAtoi(jobs, &options.jobs) || options.jobs == 0)) {
    return line.WrongCall(
        absl::StrCat("--jobs is a number from 1, not '", jobs, "'"));
  }
  if (!from_file.empty()) {
    const auto listed = ReadModuleList(from_file);
    if (!listed.ok()) {
      SayError(listed.status().message());
      return kExitFailure;
    }
    options.files.insert(options.files.end(), listed->begin(), listed->end());
  } else if (options.files.empty()) {
    return line.WrongCall("name an ELF file");
  }
  const absl::Status filled = FillFromEnvironment(&options.step);
  if (!filled.ok()) {
    SayError(absl::StrCat("gen-btf: ", filled.message()));
    return kExitFailed;
  }
  return GenBtf(std::move(options)).Run();
}

}  // namespace btfd::client
