// SPDX-License-Identifier: Apache-2.0
//
// btfc report: where the bytes of a kernel's BTF are.
//
// Works in this process, on all cores: what is asked of the engine for it is
// not asked twice, so there is nothing for a daemon to keep.
#include "lib/report/report.h"

#include <elf.h>
#include <stdio.h>

#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/batch/in_threads.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/commands/module_list.h"
#include "client/commands/named_btf.h"
#include "client/kernel/installed_kernel.h"
#include "client/manual/pages.h"
#include "client/request/loaded_btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/dwarf/object.h"
#include "lib/elf/any_btf.h"
#include "lib/encode/encoder.h"
#include "lib/report/render.h"
#include "lib/util/status_macros.h"
#include "lib/util/write_output.h"

namespace btfd::client {

namespace {

struct Options {
  std::string base;
  std::string kernel;
  std::string root;
  std::string html;
  std::string top;
  std::string from_file;
  bool json = false;
  std::vector<std::string> modules;
};

// A base with all that modules are compared with.
struct Base {
  std::string name;
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> dedup;
  std::optional<report::BaseKeys> keys;
};

absl::StatusOr<Base> PrepareBase(std::string name,
                                 std::shared_ptr<const btf::Base> indexed) {
  Base base;
  base.name = std::move(name);
  base.base = std::move(indexed);
  ASSIGN_OR_RETURN(base.dedup, btf::DedupIndex::Build(*base.base));
  ASSIGN_OR_RETURN(base.keys, report::BaseKeys::Make(*base.base));
  return base;
}

absl::StatusOr<Base> OpenKernel(Options* options) {
  ASSIGN_OR_RETURN(
      const InstalledKernel kernel,
      FindInstalledKernel(options->root, options->kernel, RunningRelease()));
  options->modules = kernel.modules;
  std::vector<std::string> why;
  for (const std::string& image : kernel.images) {
    absl::StatusOr<std::shared_ptr<const btf::Base>> base = ReadBase(image);
    if (base.ok()) return PrepareBase(image, *std::move(base));
    why.push_back(std::string(base.status().message()));
  }
  return NoImageWithBtf(kernel, why);
}

// What the encoder says of functions that it left out, by name.
std::map<std::string, std::string> SkippedFunctions(
    const dwarf::Object& object) {
  encode::EncodeOptions options;
  // As kernels call it since 6.6.
  options.features.optimized_func = true;
  options.features.consistent_func = true;
  std::map<std::string, std::string> reasons;
  const absl::StatusOr<encode::Encoded> encoded =
      encode::Encode(object, options);
  if (!encoded.ok()) return reasons;
  for (const encode::SkippedFunction& skipped : encoded->skipped) {
    reasons[skipped.name] = std::string(encode::SkipReasonText(skipped.reason));
  }
  return reasons;
}

absl::StatusOr<report::ModuleSizes> MeasureModule(const std::string& path,
                                                  const Base* base) {
  ASSIGN_OR_RETURN(const elf::BtfSource source, elf::ReadAnyBtf(path));
  report::ModuleInput input;
  input.btf = source.btf;
  input.distilled_base = source.btf_base.value_or("");
  if (base != nullptr) {
    input.base = &*base->keys;
    input.dedup_index = base->dedup.get();
  }
  std::unique_ptr<dwarf::Object> object;
  if (source.file.has_value()) {
    absl::StatusOr<std::unique_ptr<dwarf::Object>> opened =
        dwarf::Object::Open(*source.file);
    // A file with BTF may lack all else, or have it in a form that is not
    // known here.
    if (opened.ok()) object = *std::move(opened);
  }
  if (object != nullptr && object->has_symbols()) {
    input.has_symbols = true;
    input.has_dwarf = object->has_dwarf();
    for (const dwarf::Symbol& symbol : object->symbols()) {
      if (symbol.type == STT_FUNC && symbol.section != SHN_UNDEF) {
        input.symbols.push_back(symbol.name);
      }
    }
    if (input.has_dwarf) input.skipped = SkippedFunctions(*object);
  }
  return report::Measure(input);
}

// Errors name the file.
void AddModule(const std::string& path, const Base* base,
               report::Report* report) {
  absl::StatusOr<report::ModuleSizes> sizes =
      absl::ResourceExhaustedError("not enough memory");
  try {
    sizes = MeasureModule(path, base);
  } catch (const std::bad_alloc&) {
    // Not ours to throw, but the other modules need not suffer.
  }
  if (sizes.ok()) {
    report->Add(path, *std::move(sizes));
    return;
  }
  const absl::Status& status = sizes.status();
  const bool named = absl::StrContains(status.message(), path);
  report->AddFailure(
      path, named ? status
                  : absl::Status(status.code(),
                                 absl::StrCat(path, ": ", status.message())));
}

// Declares, parses, and completes the options. Returns the exit code if the
// command shall not run.
std::optional<int> ReadOptions(const std::vector<std::string>& arguments,
                               Options* options, size_t* top) {
  CommandLine line(ReportPage());
  line.Value("base", &options->base);
  line.Value("kernel", &options->kernel);
  line.Value("root", &options->root);
  line.Value("html", &options->html);
  line.Value("top", &options->top);
  line.Value("from-file", &options->from_file);
  line.Flag("json", &options->json);
  const std::optional<int> end = line.Parse(arguments, &options->modules);
  if (end.has_value()) return end;
  if (!options->top.empty() && !absl::SimpleAtoi(options->top, top)) {
    return line.WrongCall(
        absl::StrCat("--top is a number, not '", options->top, "'"));
  }
  while (!options->root.empty() && options->root.back() == '/') {
    options->root.pop_back();
  }
  if (!options->kernel.empty()) {
    if (!options->base.empty() || !options->from_file.empty() ||
        !options->modules.empty()) {
      return line.WrongCall("--kernel finds the base and the modules itself");
    }
    if (absl::StrContains(options->kernel, '/')) {
      return line.WrongCall("--kernel is a version, as `uname -r` says it");
    }
    return std::nullopt;
  }
  if (!options->root.empty()) return line.WrongCall("--root is for --kernel");
  if (!options->from_file.empty()) {
    const auto listed = ReadModuleList(options->from_file);
    if (!listed.ok()) {
      SayError(listed.status().message());
      return kExitFailure;
    }
    options->modules.insert(options->modules.end(), listed->begin(),
                            listed->end());
  } else if (options->modules.empty()) {
    return line.WrongCall("no module is given");
  }
  return std::nullopt;
}

// Nothing where the modules stand on no base but their own.
absl::StatusOr<std::optional<Base>> OpenBase(Options* options) {
  if (!options->kernel.empty()) return OpenKernel(options);
  if (options->base.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(std::shared_ptr<const btf::Base> indexed,
                   ReadNamedBase(options->base));
  return PrepareBase(options->base, std::move(indexed));
}

}  // namespace

int RunReport(const std::vector<std::string>& arguments) {
  Options options;
  size_t top = 20;
  const std::optional<int> end = ReadOptions(arguments, &options, &top);
  if (end.has_value()) return *end;
  const absl::StatusOr<std::optional<Base>> base = OpenBase(&options);
  if (!base.ok()) {
    SayError(base.status().message());
    return kExitFailure;
  }
  const Base* const its_base = base->has_value() ? &**base : nullptr;
  report::Report report;
  ForEachNumberInThreads(options.modules.size(), [&](size_t i) {
    AddModule(options.modules[i], its_base, &report);
  });
  report.Finish();
  for (const report::ModuleLine& line : report.modules()) {
    if (!line.status.ok()) SayError(line.status.message());
  }
  report::Subject subject;
  subject.what = !options.kernel.empty()       ? "Linux " + options.kernel
                 : options.modules.size() == 1 ? options.modules[0]
                                               : "The given files";
  if (its_base != nullptr) subject.base = its_base->name;
  const std::string text = options.json
                               ? report::JsonLines(report, subject, top)
                               : report::Text(report, subject, top);
  fwrite(text.data(), 1, text.size(), stdout);
  if (!options.html.empty()) {
    const absl::Status written = util::WriteOutput(
        options.html, report::Page(report, subject), SayError);
    if (!written.ok()) {
      SayError(written.message());
      return kExitFailure;
    }
  }
  return report.summary().failed == 0 ? 0 : kExitFailure;
}

}  // namespace btfd::client
