// SPDX-License-Identifier: Apache-2.0
#include "client/commands/build_tree.h"

#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/program.h"
#include "client/commands/same_kernel.h"
#include "lib/elf/kernel_image.h"
#include "lib/util/file.h"

namespace btfd::client {

namespace {

using Grade = Finding::Grade;

// pahole can make distilled bases since this version. Kernels before 7.0 let
// pahole do that; later ones let resolve_btfids do it.
constexpr int kPaholeThatDistills = 128;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string ShowVersion(int version) {
  return absl::StrFormat("%d.%02d", version / 100, version % 100);
}

// NAME=value lines of include/config/auto.conf.
std::map<std::string, std::string> ReadConfiguration(const std::string& path) {
  std::map<std::string, std::string> configuration;
  const absl::StatusOr<std::string> text = util::ReadFile(path);
  if (!text.ok()) return configuration;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> entry =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    configuration.emplace(entry.first, entry.second);
  }
  return configuration;
}

// A vmlinux's banner from the release on: "6.12.30 (...) #1 SMP ..."; empty if
// there is none (some distributions' headers contain a vmlinux with nothing but
// BTF). A vmlinux has a second one, in which the number of the build is
// missing.
std::string BannerOf(absl::string_view vmlinux) {
  constexpr absl::string_view kBanner = "Linux version ";
  size_t at = 0;
  while ((at = vmlinux.find(kBanner, at)) != absl::string_view::npos) {
    at += kBanner.size();
    const absl::string_view rest = vmlinux.substr(at, 1024);
    if (!rest.empty() && absl::ascii_isdigit(rest[0])) {
      return std::string(
          rest.substr(0, rest.find_first_of(absl::string_view("\n\0", 2))));
    }
  }
  return "";
}

std::string ReleaseInBanner(absl::string_view vmlinux) {
  const std::string banner = BannerOf(vmlinux);
  return banner.substr(0, banner.find(' '));
}

// UTS_VERSION of the headers without its number: "SMP PREEMPT_DYNAMIC Debian
// 6.12.95-1 (2026-07-05)"; empty where they do not say it.
std::string BuildOfHeaders(const std::string& directory) {
  const std::string define = "#define UTS_VERSION \"";
  for (const char* name : {"utsversion.h", "compile.h"}) {
    const absl::StatusOr<std::string> text =
        util::ReadFile(absl::StrCat(directory, "/include/generated/", name));
    if (!text.ok()) continue;
    const size_t at = text->find(define);
    if (at == std::string::npos) continue;
    std::string build = text->substr(at + define.size());
    build = build.substr(0, build.find('"'));
    const size_t blank = build.find(' ');
    return blank == std::string::npos ? "" : build.substr(blank + 1);
  }
  return "";
}

class Examination {
 public:
  Examination(const Machine& machine, const std::string& directory)
      : machine_(machine), directory_(directory) {}

  std::vector<Finding> Run() {
    if (!CheckDirectory()) return std::move(findings_);
    CheckConfiguration();
    CheckVmlinux();
    CheckTool();
    CheckPahole();
    return std::move(findings_);
  }

  absl::StatusOr<std::string> FindCertainBase() {
    if (!CheckDirectory()) {
      return absl::FailedPreconditionError(findings_.back().what);
    }
    std::vector<std::string> why;
    for (const std::string& source : Sources()) {
      const absl::Status certain = IsCertain(source);
      if (certain.ok()) return source;
      why.push_back(absl::StrCat(source, ": ", certain.message()));
    }
    return absl::FailedPreconditionError(
        why.empty() ? absl::StrCat("no image of Linux ", release_, " is here")
                    : absl::StrJoin(why, "; "));
  }

 private:
  void Say(Grade grade, std::string what, std::string advice = "",
           Fix fix = Fix::kNone, std::string target = "") {
    findings_.push_back(
        {grade, std::move(what), std::move(advice), fix, std::move(target)});
  }

  bool CheckDirectory();
  void CheckConfiguration();
  void CheckVmlinux();
  void CheckSameKernel(const elf::KernelImage& vmlinux);
  void CheckSymbols(const elf::KernelImage& vmlinux,
                    absl::string_view consequence);
  // OK if the image is certainly of that build of the kernel.
  absl::Status IsCertain(const std::string& source) const;
  void CheckTool();
  void CheckPahole();
  void CheckPaholeVersion(int version);
  // The places from which this kernel's BTF can be taken; the likeliest first.
  std::vector<std::string> Sources() const;
  std::string HowToGetVmlinux() const;
  std::string vmlinux_path() const { return directory_ + "/vmlinux"; }

  const Machine& machine_;
  const std::string directory_;
  std::string release_;
  std::map<std::string, std::string> configuration_;
  std::vector<Finding> findings_;
};

bool Examination::CheckDirectory() {
  if (!Exists(directory_ + "/Makefile")) {
    Say(Grade::kBad, directory_ + " is no kernel build directory",
        "install the headers of your kernel (package linux-headers-" +
            machine_.running_release +
            ", kernel-devel or the like), or name another directory",
        Fix::kInstall);
    return false;
  }
  const absl::StatusOr<std::string> release =
      util::ReadFile(directory_ + "/include/config/kernel.release");
  configuration_ = ReadConfiguration(directory_ + "/include/config/auto.conf");
  if (!release.ok() || configuration_.empty()) {
    Say(Grade::kBad, directory_ + " is not prepared for building modules",
        "configure it, then: make -C " + directory_ + " modules_prepare",
        Fix::kInstall);
    return false;
  }
  release_ = std::string(absl::StripAsciiWhitespace(*release));
  Say(Grade::kGood,
      absl::StrCat(directory_, " builds modules for Linux ", release_));
  return true;
}

void Examination::CheckConfiguration() {
  if (configuration_.count("CONFIG_DEBUG_INFO_BTF_MODULES") != 0) {
    Say(Grade::kGood, "this kernel makes BTF for modules");
    return;
  }
  Say(Grade::kBad,
      "this kernel makes no BTF for modules: CONFIG_DEBUG_INFO_BTF_MODULES is "
      "not set",
      "a kernel that is configured so loads modules with BTF without reading "
      "it; take one with that option",
      Fix::kInstall);
}

std::vector<std::string> Examination::Sources() const {
  std::vector<std::string> candidates;
  if (release_ == machine_.running_release) {
    candidates.push_back(machine_.root + "/sys/kernel/btf/vmlinux");
  }
  candidates.push_back(machine_.root + "/boot/vmlinuz-" + release_);
  for (const char* directory : {"/lib/modules/", "/usr/lib/modules/"}) {
    candidates.push_back(
        absl::StrCat(machine_.root, directory, release_, "/vmlinuz"));
  }
  candidates.push_back(machine_.root + "/usr/lib/debug/boot/vmlinux-" +
                       release_);
  std::vector<std::string> found;
  for (std::string& candidate : candidates) {
    if (Exists(candidate)) found.push_back(std::move(candidate));
  }
  return found;
}

std::string Examination::HowToGetVmlinux() const {
  const std::vector<std::string> sources = Sources();
  if (sources.empty()) {
    return absl::StrCat("get the vmlinuz of Linux ", release_,
                        ", then: btfc extract-base vmlinuz-", release_, " -o ",
                        vmlinux_path());
  }
  return absl::StrCat("btfc extract-base ", sources[0], " -o ", vmlinux_path());
}

void Examination::CheckVmlinux() {
  if (!Exists(vmlinux_path())) {
    Say(Grade::kBad,
        absl::StrCat("there is no ", vmlinux_path(),
                     ": kbuild will say \"Skipping BTF generation for ... due "
                     "to unavailability of vmlinux\""),
        HowToGetVmlinux(), Fix::kExtractBase, vmlinux_path());
    return;
  }
  const absl::StatusOr<elf::KernelImage> vmlinux =
      elf::ReadKernelImage(vmlinux_path());
  if (!vmlinux.ok()) {
    Say(Grade::kBad,
        absl::StrCat("the vmlinux there is of no use: ",
                     vmlinux.status().message()),
        HowToGetVmlinux(), Fix::kReplace);
    return;
  }
  Say(Grade::kGood, absl::StrCat(vmlinux_path(), " has ", vmlinux->btf.size(),
                                 " bytes of BTF"));
  CheckSameKernel(*vmlinux);
}

void Examination::CheckSameKernel(const elf::KernelImage& vmlinux) {
  constexpr absl::string_view kConsequence =
      ": modules built over it refer to the wrong types, and are refused or "
      "lose their BTF at load";
  const std::string banner = ReleaseInBanner(vmlinux.bytes());
  if (!banner.empty()) {
    if (banner == release_) {
      Say(Grade::kGood, "vmlinux is of the same kernel as the headers");
    } else {
      Say(Grade::kBad,
          absl::StrCat("vmlinux is of Linux ", banner, ", the headers are of ",
                       release_, kConsequence),
          HowToGetVmlinux(), Fix::kReplace);
    }
    return;
  }
  for (const std::string& source : Sources()) {
    const absl::StatusOr<elf::KernelImage> image = elf::ReadKernelImage(source);
    if (!image.ok()) continue;
    if (image->btf == vmlinux.btf) {
      Say(Grade::kGood, "vmlinux has the same BTF as " + source);
    } else {
      Say(Grade::kBad,
          absl::StrCat("vmlinux has another BTF than ", source, kConsequence),
          HowToGetVmlinux(), Fix::kReplace);
    }
    return;
  }
  CheckSymbols(vmlinux, kConsequence);
}

// If there is no image of that kernel, compares with the symbols in its
// headers.
void Examination::CheckSymbols(const elf::KernelImage& vmlinux,
                               absl::string_view consequence) {
  const absl::StatusOr<std::string> symvers =
      util::ReadFile(directory_ + "/Module.symvers");
  const absl::StatusOr<SymbolEvidence> evidence =
      symvers.ok() ? CompareSymbols(*symvers, vmlinux.btf) : symvers.status();
  if (!evidence.ok() || evidence->of_modules == 0) {
    Say(Grade::kNote,
        "whether vmlinux is of the same kernel as the headers cannot be told: "
        "it does not say, no image of that kernel is here, and "
        "Module.symvers names nothing that modules export");
    return;
  }
  const size_t built_in = evidence->built_in.size();
  if (built_in > kChanceNames) {
    Say(Grade::kBad,
        absl::StrCat(
            "vmlinux is of another kernel than the headers: ", built_in,
            " functions that Module.symvers has in modules "
            "are built in there (",
            evidence->built_in[0], ", ", evidence->built_in[1], ", ...)",
            consequence),
        HowToGetVmlinux(), Fix::kReplace);
    return;
  }
  Say(Grade::kGood,
      absl::StrCat("vmlinux fits the headers, as far as Module.symvers tells: "
                   "of ",
                   evidence->of_modules,
                   " symbols that modules export "
                   "it has ",
                   built_in == 0 ? "none" : absl::StrCat(built_in)));
}

absl::Status Examination::IsCertain(const std::string& source) const {
  const absl::StatusOr<elf::KernelImage> image = elf::ReadKernelImage(source);
  if (!image.ok()) return image.status();
  const std::string banner = BannerOf(image->bytes());
  const std::string release = banner.substr(0, banner.find(' '));
  if (!banner.empty() && release != release_) {
    return absl::FailedPreconditionError("it is of Linux " + release);
  }
  // Packages of one release are built more than once. What the running kernel
  // shows has no banner; uname(2) says it then.
  const std::string build = BuildOfHeaders(directory_);
  const std::string& said = banner.empty() ? machine_.running_build : banner;
  if (build.empty()) {
    return absl::FailedPreconditionError(
        "the headers do not say of which build of that release they are");
  }
  if (!absl::StrContains(said, build)) {
    return absl::FailedPreconditionError(
        "it is of another build of that release than the headers");
  }
  const absl::StatusOr<std::string> symvers =
      util::ReadFile(directory_ + "/Module.symvers");
  if (!symvers.ok()) return absl::OkStatus();
  const absl::StatusOr<SymbolEvidence> evidence =
      CompareSymbols(*symvers, image->btf);
  if (!evidence.ok()) return evidence.status();
  if (evidence->built_in.size() > kChanceNames) {
    return absl::FailedPreconditionError(
        absl::StrCat(evidence->built_in.size(),
                     " functions that Module.symvers has in modules are built "
                     "in there"));
  }
  return absl::OkStatus();
}

void Examination::CheckTool() {
  const std::string tool =
      directory_ + "/tools/bpf/resolve_btfids/resolve_btfids";
  if (access(tool.c_str(), X_OK) == 0) return;
  Say(Grade::kNote, "the build directory has no resolve_btfids of its own",
      "make RESOLVE_BTFIDS=/PATH/TO/resolve_btfids ..., which is "
      "worthwhile anyway",
      Fix::kBuild);
}

void Examination::CheckPahole() {
  const std::string name = ShowCommand(machine_.pahole);
  std::vector<std::string> command = machine_.pahole;
  command.push_back("--version");
  std::string output;
  const absl::StatusOr<int> exit_code = RunProgram(command, &output);
  if (!exit_code.ok()) {
    Say(Grade::kNote,
        absl::StrCat("there is no pahole, and none is needed: ",
                     exit_code.status().message()),
        "make PAHOLE=/PATH/TO/pahole, which is a link of that name to btfc",
        Fix::kBuild);
    return;
  }
  const int version = ParsePaholeVersion(output);
  if (*exit_code != 0 || version == 0) {
    Say(Grade::kBad, absl::StrCat("`", name, " --version` gives no version"),
        "see what PAHOLE and BTFD_PAHOLE name", Fix::kSettings);
    return;
  }
  CheckPaholeVersion(version);
}

void Examination::CheckPaholeVersion(int version) {
  int asked = 0;
  const auto entry = configuration_.find("CONFIG_PAHOLE_VERSION");
  if (entry != configuration_.end()) {
    static_cast<void>(absl::SimpleAtoi(entry->second, &asked));
  }
  if (version < asked) {
    Say(Grade::kBad,
        absl::StrCat("pahole is ", ShowVersion(version),
                     ", but this tree is configured for ", ShowVersion(asked),
                     " and gives it options of that"),
        absl::StrCat("install pahole ", ShowVersion(asked),
                     " or newer; or make PAHOLE=/PATH/TO/pahole, a link of "
                     "that name to btfc, with BTFD_PAHOLE_VERSION=1.32"),
        Fix::kInstall);
    return;
  }
  Say(Grade::kGood,
      "pahole is " + ShowVersion(version) +
          (asked == 0 ? "" : ", and this tree asks for " + ShowVersion(asked)));
  int major = 0;
  static_cast<void>(
      absl::SimpleAtoi(release_.substr(0, release_.find('.')), &major));
  // The version with which the tree was configured counts, because the tree's
  // flags were chosen for it.
  if (major < 7 && (asked != 0 ? asked : version) < kPaholeThatDistills) {
    Say(Grade::kNote,
        "this tree's pahole makes no .BTF.base: its external modules fit this "
        "very kernel alone",
        absl::StrCat("btfc finalize --profile ", release_,
                     " --distill=always --base ", vmlinux_path(),
                     " MODULE.ko after the build"),
        Fix::kBuild);
  }
}

}  // namespace

Machine Machine::ThisOne() {
  Machine machine;
  utsname name{};
  if (uname(&name) == 0) {
    machine.running_release = name.release;
    machine.running_build = name.version;
  }
  const char* pahole = getenv("PAHOLE");
  if (pahole != nullptr && *pahole != '\0') {
    machine.pahole = SplitWords(pahole);
  }
  return machine;
}

int ParsePaholeVersion(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  absl::ConsumePrefix(&text, "v");
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('.', 1));
  int major = 0;
  int minor = 0;
  if (!absl::SimpleAtoi(parts.first, &major) ||
      !absl::SimpleAtoi(parts.second, &minor) || major < 0 || minor < 0 ||
      minor > 99 || major > 100) {
    return 0;
  }
  return major * 100 + minor;
}

std::vector<Finding> ExamineBuildTree(const Machine& machine,
                                      const std::string& directory) {
  return Examination(machine, directory).Run();
}

absl::StatusOr<std::string> FindCertainBase(const Machine& machine,
                                            const std::string& directory) {
  return Examination(machine, directory).FindCertainBase();
}

}  // namespace btfd::client
