// SPDX-License-Identifier: Apache-2.0
//
// btfc min-core, and btfc min_core_btf with bpftool's order of arguments: BTF
// cut down to what the CO-RE relocations of BPF programs need.
//
// They work in this process: a kernel's BTF is indexed faster than it is sent,
// and what is done over the index takes microseconds.
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/batch/interrupt.h"
#include "client/cli/command_line.h"
#include "client/cli/progress_bar.h"
#include "client/commands/commands.h"
#include "client/commands/module_list.h"
#include "client/commands/named_btf.h"
#include "client/manual/pages.h"
#include "client/min_core/kernel_job.h"
#include "client/min_core/output_files.h"
#include "client/min_core/output_names.h"
#include "lib/util/json.h"
#include "lib/util/status_macros.h"
#include "lib/util/task_queue.h"

namespace btfd::client {

namespace {

struct Options {
  std::string output;
  CommandLine::PlacedValues modules;
  bool each = false;
  bool json = false;
  std::string from_file;
  std::string programs_from;
  std::string jobs;
  std::vector<std::string> kernels;
  std::vector<std::string> programs;
};

bool IsModuleName(absl::string_view path) {
  for (const absl::string_view ending : {"", ".gz", ".xz", ".zst", ".lz4"}) {
    if (absl::EndsWith(path, absl::StrCat(".ko", ending))) return true;
  }
  return false;
}

absl::Status ReadLists(Options* options) {
  if (!options->from_file.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> listed,
                     ReadPathList(options->from_file));
    for (const std::string& path : listed) {
      if (IsModuleName(path)) {
        options->modules.emplace_back(options->kernels.size(), path);
      } else {
        options->kernels.push_back(path);
      }
    }
  }
  if (!options->programs_from.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> listed,
                     ReadPathList(options->programs_from));
    options->programs.insert(options->programs.end(), listed.begin(),
                             listed.end());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedProgram>> ReadPrograms(
    const std::vector<std::string>& paths) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, OutputNames(paths));
  std::vector<NamedProgram> programs;
  for (size_t i = 0; i < paths.size(); ++i) {
    ASSIGN_OR_RETURN(core::Program program, ReadProgram(paths[i]));
    programs.push_back({std::move(program), names[i]});
  }
  return programs;
}

absl::StatusOr<std::vector<KernelJob>> MakeJobs(const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   OutputNames(options.kernels));
  std::vector<KernelJob> jobs(options.kernels.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    KernelJob& job = jobs[i];
    job.kernel = options.kernels[i];
    job.stem = absl::StrCat(options.output.empty() ? "." : options.output, "/",
                            names[i]);
    job.each_program = options.each;
    for (const auto& [kernels_before, path] : options.modules) {
      if (kernels_before == i + 1) job.modules.push_back(path);
    }
    ASSIGN_OR_RETURN(job.module_names, OutputNames(job.modules));
  }
  return jobs;
}

std::string Bytes(uint64_t bytes) {
  return bytes < 10000000 ? absl::StrCat(bytes, " B")
                          : absl::StrFormat("%.1f MB", bytes / 1e6);
}

// Says what became of the kernels: a bar on a terminal, else a line each, in
// their order, whatever the order in which they are done. With JSON, a line
// each and one with a summary.
class Report {
 public:
  Report(const std::vector<KernelJob>& jobs, bool json)
      : jobs_(jobs),
        json_(json),
        with_bar_(!json && isatty(STDOUT_FILENO) && jobs.size() > 1),
        results_(jobs.size()),
        bar_(stdout, jobs.size()) {}

  void Add(size_t number, KernelResult result) {
    const absl::MutexLock lock(&mutex_);
    failed_ += !result.errors.empty();
    ++done_;
    results_[number] = std::move(result);
    for (; said_ < jobs_.size() && results_[said_].has_value(); ++said_) {
      Say(jobs_[said_], *results_[said_]);
    }
    if (with_bar_) bar_.Draw(done_, failed_, /*always=*/false);
  }
  // A line of which the bar may not be in the way.
  void Notice(const std::string& line) {
    const absl::MutexLock lock(&mutex_);
    bar_.Clear();
    SayLine(line);
  }
  // The exit code. What is missing then was not begun.
  int Finish() {
    const absl::MutexLock lock(&mutex_);
    bar_.Finish();
    // What stands behind one that is missing.
    for (; said_ < jobs_.size(); ++said_) {
      if (results_[said_].has_value()) Say(jobs_[said_], *results_[said_]);
    }
    const size_t left = jobs_.size() - done_;
    if (json_) {
      util::JsonWriter json;
      json.Open('{').Open('{', "summary");
      json.Add("kernels", uint64_t{done_}).Add("failed", uint64_t{failed_});
      if (left > 0) json.Add("left", uint64_t{left});
      json.Close().Close();
      puts(json.text().c_str());
    } else if (left > 0) {
      absl::FPrintF(stdout, "interrupted: %d kernels were not begun\n", left);
    }
    return failed_ == 0 ? 0 : kExitFailure;
  }

 private:
  void Say(const KernelJob& job, const KernelResult& result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const absl::Status& error : result.errors) {
      bar_.Clear();
      SayError(error.message());
    }
    if (json_) {
      util::JsonWriter json;
      json.Open('{').Add("kernel", job.kernel);
      json.Add("ok", result.errors.empty()).Open('[', "errors");
      for (const absl::Status& error : result.errors) {
        json.Add("", error.message());
      }
      json.Close()
          .Add("bytes_in", result.bytes_in)
          .Add("bytes_out", result.bytes_out)
          .Add("files", uint64_t{result.files})
          .Close();
      puts(json.text().c_str());
    }
    if (json_ || with_bar_ || result.files == 0) return;
    absl::FPrintF(stdout, "%s: %s -> %s in %d file%s\n", job.kernel,
                  Bytes(result.bytes_in), Bytes(result.bytes_out), result.files,
                  result.files == 1 ? "" : "s");
  }

  const std::vector<KernelJob>& jobs_;
  const bool json_;
  const bool with_bar_;
  absl::Mutex mutex_;
  std::vector<std::optional<KernelResult>> results_ ABSL_GUARDED_BY(mutex_);
  size_t said_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  ProgressBar bar_ ABSL_GUARDED_BY(mutex_);
};

int RunJobs(const Options& options, const std::vector<KernelJob>& jobs,
            const std::vector<NamedProgram>& programs, uint32_t threads) {
  Report report(jobs, options.json);
  OutputFiles files(
      [&report](const std::string& line) { report.Notice(line); });
  for (const KernelJob& job : jobs) {
    files.Protect(job.kernel);
    for (const std::string& module : job.modules) files.Protect(module);
  }
  for (const std::string& program : options.programs) files.Protect(program);
  std::atomic<bool> stopped = false;
  std::optional<Interrupt> interrupt;
  if (jobs.size() > 1) interrupt.emplace([&stopped] { stopped = true; });
  util::TaskQueue queue(
      std::min<uint32_t>(threads, static_cast<uint32_t>(jobs.size())));
  for (size_t i = 0; i < jobs.size(); ++i) {
    queue.Run([&, i] {
      if (stopped) return;
      report.Add(i, RunKernelJob(jobs[i], ReadNamedSource, programs, files));
    });
  }
  queue.Finish(absl::InfiniteDuration());
  const int exit_code = report.Finish();
  if (interrupt.has_value()) interrupt->EndIfInterrupted();
  return exit_code;
}

int Fail(const absl::Status& status) {
  SayError(status.message());
  return kExitFailure;
}

}  // namespace

int RunMinCore(const std::vector<std::string>& arguments) {
  Options options;
  CommandLine line(MinCorePage());
  line.Value("output", &options.output);
  line.PlacedList("module", &options.modules);
  line.Flag("each", &options.each);
  line.Flag("json", &options.json);
  line.Value("from-file", &options.from_file);
  line.Value("programs-from", &options.programs_from);
  line.Value("jobs", &options.jobs);
  const auto programs_begin =
      std::find(arguments.begin(), arguments.end(), "--");
  const std::optional<int> end =
      line.Parse({arguments.begin(), programs_begin}, &options.kernels);
  if (end.has_value()) return *end;
  if (programs_begin != arguments.end()) {
    options.programs.assign(programs_begin + 1, arguments.end());
  }
  uint32_t threads = std::max(1u, std::thread::hardware_concurrency());
  if (!options.jobs.empty() &&
      (!absl::SimpleAtoi(options.jobs, &threads) || threads == 0)) {
    return line.WrongCall(
        absl::StrCat("--jobs is a number from 1, not '", options.jobs, "'"));
  }
  const absl::Status listed = ReadLists(&options);
  if (!listed.ok()) return Fail(listed);
  if (options.kernels.empty()) return line.WrongCall("no KERNEL is given");
  if (options.programs.empty()) {
    return line.WrongCall("no program is given, behind --");
  }
  for (const auto& [kernels_before, path] : options.modules) {
    if (kernels_before == 0) {
      return line.WrongCall(
          absl::StrCat("the module ", path, " stands before any KERNEL"));
    }
  }
  const absl::StatusOr<std::vector<NamedProgram>> programs =
      ReadPrograms(options.programs);
  if (!programs.ok()) return Fail(programs.status());
  const absl::StatusOr<std::vector<KernelJob>> jobs = MakeJobs(options);
  if (!jobs.ok()) return Fail(jobs.status());
  return RunJobs(options, *jobs, *programs, threads);
}

int RunMinCoreBtf(const std::vector<std::string>& arguments) {
  std::vector<std::string> rest;
  CommandLine line(MinCoreBtfPage());
  const std::optional<int> end = line.Parse(arguments, &rest);
  if (end.has_value()) return *end;
  if (rest.size() < 3)
    return line.WrongCall("name INPUT, OUTPUT and an OBJECT");
  OutputFiles files(SayLine);
  std::vector<NamedProgram> programs;
  for (size_t i = 2; i < rest.size(); ++i) {
    absl::StatusOr<core::Program> program = ReadProgram(rest[i]);
    if (!program.ok()) return Fail(program.status());
    programs.push_back({*std::move(program), ""});
  }
  const absl::StatusOr<std::string> bytes =
      MinimizeFile(rest[0], ReadNamedSource, programs);
  if (!bytes.ok()) return Fail(bytes.status());
  const absl::Status written = files.Write(rest[1], *bytes);
  return written.ok() ? 0 : Fail(written);
}

}  // namespace btfd::client
