// SPDX-License-Identifier: Apache-2.0
//
// btfc diff: what changed between the types of two kernels or modules.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/commands/named_btf.h"
#include "client/manual/pages.h"
#include "client/request/loaded_btf.h"
#include "lib/diff/compare.h"
#include "lib/diff/kfuncs.h"
#include "lib/diff/modules.h"
#include "lib/diff/report.h"
#include "lib/engine/pipeline.h"
#include "lib/util/json.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::client {

namespace {

namespace fs = std::filesystem;

constexpr int kSame = 0;
constexpr int kDifferent = 1;
constexpr int kTrouble = 2;

struct Options {
  bool json = false;
  std::vector<std::string> bases;
  std::string modules;
  std::vector<std::string> files;  // A and B
};

absl::Status Named(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

// One of the two files.
struct Input {
  LoadedBtf loaded;
  std::optional<engine::IdsSection> ids;
};

absl::StatusOr<Input> ReadInput(const std::string& path,
                                std::shared_ptr<const btf::Base> base) {
  Under under;
  under.base = std::move(base);
  ASSIGN_OR_RETURN(LoadedBtf loaded, ReadNamedBtf(path, under));
  ASSIGN_OR_RETURN(std::optional<engine::IdsSection> ids, loaded.ids());
  return Input{std::move(loaded), std::move(ids)};
}

struct Kfuncs {
  std::vector<diff::Kfunc> a;
  std::vector<diff::Kfunc> b;
};

// By their sets, if both files show these, and else by what both BTFs say: raw
// BTF has no other kfuncs than the vmlinux that it is of.
absl::StatusOr<Kfuncs> ReadKfuncs(const Options& options, Input* a, Input* b) {
  if (!a->ids.has_value() || !b->ids.has_value()) {
    a->ids.reset();
    b->ids.reset();
  }
  auto of_a = diff::KfuncsOf(a->loaded.btf(), a->ids);
  if (!of_a.ok()) return Named(options.files[0], of_a.status());
  auto of_b = diff::KfuncsOf(b->loaded.btf(), b->ids);
  if (!of_b.ok()) return Named(options.files[1], of_b.status());
  return Kfuncs{*std::move(of_a), *std::move(of_b)};
}

// A module of --modules.
struct Module {
  std::string path;
  absl::Status status;  // why it could not be looked at
  std::vector<diff::Met> met;
  absl::Status relocates;  // onto B
};

bool IsModule(const std::string& name) {
  return absl::EndsWith(name, ".ko") || absl::EndsWith(name, ".ko.gz") ||
         absl::EndsWith(name, ".ko.xz") || absl::EndsWith(name, ".ko.zst");
}

absl::StatusOr<std::vector<std::string>> ModulesIn(
    const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    if (IsModule(entry->path().filename()) && entry->is_regular_file(error)) {
      paths.push_back(entry->path());
    }
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(),
                               absl::StrCat(directory, ": ", error.message()));
  }
  if (paths.empty()) {
    return absl::NotFoundError(absl::StrCat(directory, ": no modules in it"));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Module LookAt(const std::string& path,
              const std::shared_ptr<const btf::Base>& a,
              const std::shared_ptr<const btf::Base>& b,
              diff::ModuleImpact* impact) {
  Module module;
  module.path = path;
  const absl::StatusOr<LoadedBtf> over_a = LoadedBtf::ReadModule(path, a);
  if (!over_a.ok()) {
    module.status = over_a.status();
    return module;
  }
  module.met = impact->MetBy(over_a->btf());
  // As it is, where it has a .BTF.base; else as it would be if it had.
  module.relocates = over_a->has_btf_base()
                         ? LoadedBtf::ReadModule(path, b).status()
                         : diff::CheckRelocatesOnto(over_a->btf(), *b);
  return module;
}

absl::StatusOr<std::vector<Module>> LookAtModules(
    const Options& options, const std::vector<diff::Change>& changes) {
  std::vector<Module> modules;
  if (options.modules.empty()) return modules;
  ASSIGN_OR_RETURN(const auto a, ReadNamedBase(options.files[0]));
  ASSIGN_OR_RETURN(const auto b, ReadNamedBase(options.files[1]));
  ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                   ModulesIn(options.modules));
  diff::ModuleImpact impact(*a, changes);
  for (const std::string& path : paths) {
    modules.push_back(LookAt(path, a, b, &impact));
  }
  return modules;
}

// "struct sock, enum foo (within)".
std::string MetText(const std::vector<diff::Met>& met) {
  std::string text;
  for (const diff::Met& one : met) {
    absl::StrAppend(&text, text.empty() ? "" : ", ",
                    diff::ClassWord(one.change->cls), " ", one.change->name,
                    one.direct ? "" : " (within)");
  }
  return text;
}

std::string ModulesText(const std::vector<Module>& modules) {
  std::string text;
  size_t affected = 0;
  size_t stuck = 0;
  for (const Module& module : modules) {
    if (!module.status.ok()) continue;  // is said on stderr
    affected += module.met.empty() ? 0 : 1;
    stuck += module.relocates.ok() ? 0 : 1;
    if (module.met.empty() && module.relocates.ok()) continue;
    absl::StrAppend(&text, "module ", module.path, ": ");
    if (module.relocates.ok()) {
      absl::StrAppend(&text, "relocates onto B");
    } else {
      absl::StrAppend(&text,
                      "does not relocate onto B: ", module.relocates.message());
    }
    absl::StrAppend(&text, "; refers to ", module.met.size(), " changes");
    if (!module.met.empty()) absl::StrAppend(&text, ": ", MetText(module.met));
    text += '\n';
  }
  absl::StrAppend(&text, modules.size(), " modules: ", affected,
                  " refer to what changed, ", stuck,
                  " do not relocate onto B\n");
  return text;
}

void AddModules(const std::vector<Module>& modules, util::JsonWriter* json) {
  json->Open('[', "modules");
  for (const Module& module : modules) {
    json->Open('{').Add("module", module.path);
    if (!module.status.ok()) {
      json->Add("error", module.status.message()).Close();
      continue;
    }
    json->Add("relocates", module.relocates.ok());
    if (!module.relocates.ok()) json->Add("why", module.relocates.message());
    json->Open('[', "changes");
    for (const diff::Met& met : module.met) {
      json->Open('{')
          .Add("class", diff::ClassWord(met.change->cls))
          .Add("name", met.change->name)
          .Add("direct", met.direct)
          .Close();
    }
    json->Close().Close();
  }
  json->Close();
}

std::string Report(const Options& options,
                   const std::vector<diff::Change>& changes,
                   const std::vector<Module>& modules) {
  if (!options.json) {
    std::string text;
    diff::AppendText(changes, &text);
    if (!changes.empty()) absl::StrAppend(&text, diff::Summary(changes), "\n");
    if (!options.modules.empty()) text += ModulesText(modules);
    return text;
  }
  util::JsonWriter json;
  json.Open('{')
      .Add("a", options.files[0])
      .Add("b", options.files[1])
      .Add("same", changes.empty());
  json.Open('[', "changes");
  diff::AddJson(changes, &json);
  json.Close().Open('{', "summary");
  diff::AddSummary(changes, &json);
  json.Close();
  if (!options.modules.empty()) AddModules(modules, &json);
  json.Close();
  return json.TakeText() + "\n";
}

absl::StatusOr<int> Run(const Options& options) {
  std::shared_ptr<const btf::Base> a_base;
  std::shared_ptr<const btf::Base> b_base;
  if (!options.bases.empty()) {
    ASSIGN_OR_RETURN(a_base, ReadNamedBase(options.bases[0]));
    b_base = a_base;
    if (options.bases.size() > 1) {
      ASSIGN_OR_RETURN(b_base, ReadNamedBase(options.bases[1]));
    }
  }
  ASSIGN_OR_RETURN(Input a, ReadInput(options.files[0], a_base));
  ASSIGN_OR_RETURN(Input b, ReadInput(options.files[1], b_base));
  ASSIGN_OR_RETURN(const Kfuncs kfuncs, ReadKfuncs(options, &a, &b));
  util::WorkBudget work = util::WorkBudget::ForInput(a.loaded.input_bytes() +
                                                     b.loaded.input_bytes());
  ASSIGN_OR_RETURN(diff::Side a_side, diff::Side::Make(a.loaded.btf(), &work));
  ASSIGN_OR_RETURN(diff::Side b_side, diff::Side::Make(b.loaded.btf(), &work));
  ASSIGN_OR_RETURN(const std::vector<diff::Change> changes,
                   diff::Compare(&a_side, &b_side, kfuncs.a, kfuncs.b, &work));
  ASSIGN_OR_RETURN(const std::vector<Module> modules,
                   LookAtModules(options, changes));
  const std::string report = Report(options, changes, modules);
  if (fwrite(report.data(), 1, report.size(), stdout) != report.size() ||
      fflush(stdout) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot write: ", strerror(errno)));
  }
  bool failed = false;
  for (const Module& module : modules) {
    if (module.status.ok()) continue;
    SayError(module.status.message());
    failed = true;
  }
  return failed ? kTrouble : changes.empty() ? kSame : kDifferent;
}

}  // namespace

int RunDiff(const std::vector<std::string>& arguments) {
  Options options;
  CommandLine line(DiffPage());
  line.Flag("json", &options.json);
  line.List("base", &options.bases);
  line.Value("modules", &options.modules);
  const std::optional<int> end = line.Parse(arguments, &options.files);
  if (end.has_value()) return *end;
  if (options.files.size() != 2)
    return line.WrongCall("name two files, A and B");
  if (options.bases.size() > 2) {
    return line.WrongCall("there are two files, and so at most two bases");
  }
  if (!options.modules.empty() && !options.bases.empty()) {
    return line.WrongCall(
        "modules stand on kernels: A and B have no base then");
  }
  const absl::StatusOr<int> exit_code = Run(options);
  if (exit_code.ok()) return *exit_code;
  SayError(exit_code.status().message());
  return kTrouble;
}

}  // namespace btfd::client
