// SPDX-License-Identifier: Apache-2.0
#include "client/commands/module_examination.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/elf/module_file.h"

namespace btfd::client {

namespace {

using Grade = Finding::Grade;

// The value of a NAME=value string of .modinfo; empty if there is none.
std::string ModuleInfo(const elf::ModuleFile& module, absl::string_view name) {
  for (uint32_t i = 1; i < module.section_count(); ++i) {
    const elf::Section section = module.section(i);
    if (section.name != ".modinfo") continue;
    for (absl::string_view entry : absl::StrSplit(section.content, '\0')) {
      const std::pair<absl::string_view, absl::string_view> parts =
          absl::StrSplit(entry, absl::MaxSplits('=', 1));
      if (parts.first == name) return std::string(parts.second);
    }
  }
  return "";
}

}  // namespace

ModuleExamination ExamineModule(const std::string& path) {
  ModuleExamination result;
  const auto say = [&result](Grade grade, std::string what,
                             std::string advice = "") {
    const Fix fix = advice.empty() ? Fix::kNone : Fix::kModule;
    result.findings.push_back({grade, std::move(what), std::move(advice), fix});
  };
  const absl::StatusOr<elf::ModuleFile> module = elf::ModuleFile::Open(path);
  if (!module.ok()) {
    say(Grade::kBad, std::string(module.status().message()));
    return result;
  }
  const std::string magic = ModuleInfo(*module, "vermagic");
  result.release = magic.substr(0, magic.find(' '));
  say(result.release.empty() ? Grade::kNote : Grade::kGood,
      result.release.empty()
          ? path + " does not say which kernel it is for"
          : absl::StrCat(path, " is for Linux ", result.release));
  const absl::StatusOr<absl::string_view> btf = module->BtfContent();
  if (!btf.ok()) {
    say(Grade::kBad, absl::StrCat("it has no BTF: ", btf.status().message()),
        "see below what its build directory lacks, then build it again");
  } else if (module->btf_base().has_value()) {
    say(Grade::kGood,
        absl::StrCat("it has ", btf->size(),
                     " bytes of BTF, and .BTF.base, by "
                     "which other builds of the kernel can take it"));
  } else {
    say(Grade::kGood, absl::StrCat("it has ", btf->size(), " bytes of BTF"));
    say(Grade::kNote,
        "it has no .BTF.base: its BTF is of use to the one vmlinux alone that "
        "it was made over",
        "btfc verify tells whether it fits one; btfc finalize "
        "--distill=always makes it fit others");
  }
  if (module->has_signature()) {
    say(Grade::kNote, "it is signed, and finalizing it makes that wrong",
        "btfc finalize --drop-signature, then sign it anew");
  }
  return result;
}

}  // namespace btfd::client
