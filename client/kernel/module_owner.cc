// SPDX-License-Identifier: Apache-2.0
#include "client/kernel/module_owner.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/program.h"
#include "client/kernel/installed_kernel.h"
#include "client/kernel/rooted_path.h"
#include "lib/util/file.h"

namespace btfd::client {

namespace {

namespace fs = std::filesystem;

// A path without what merged-/usr systems may or may not write before it:
// dpkg's lists say /lib/modules where the file is at /usr/lib/modules, and the
// other way round.
std::string WithoutUsr(absl::string_view path) {
  if (absl::StartsWith(path, "/usr/lib/")) absl::ConsumePrefix(&path, "/usr");
  return std::string(path);
}

// The path as the system below `root` calls it.
std::string Unrooted(const std::string& root, absl::string_view path) {
  if (!root.empty()) absl::ConsumePrefix(&path, root);
  return WithoutUsr(path);
}

// The kernel takes both for the same.
std::string KernelName(const std::string& module) {
  return absl::StrReplaceAll(module, {{"-", "_"}});
}

std::vector<fs::path> EntriesOf(const std::string& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    entries.push_back(entry->path());
  }
  return entries;
}

// dpkg's package of each of `wanted` (without /usr), for those that have one.
// A list is /var/lib/dpkg/info/PACKAGE[:ARCHITECTURE].list, a path on a line.
std::map<std::string, std::string> DpkgOwners(
    const std::string& info, const std::set<std::string>& wanted) {
  std::map<std::string, std::string> owners;
  for (const fs::path& list : EntriesOf(info)) {
    if (list.extension() != ".list") continue;
    const absl::StatusOr<std::string> text = util::ReadFile(list.string());
    if (!text.ok()) continue;
    // Most packages have nothing to do with kernels.
    if (!absl::StrContains(*text, "/lib/modules/") &&
        !absl::StrContains(*text, "/dkms.conf")) {
      continue;
    }
    std::string package = list.stem().string();
    package = package.substr(0, package.find(':'));
    for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
      const std::string path = WithoutUsr(line);
      if (wanted.count(path) != 0) owners[path] = package;
    }
  }
  return owners;
}

// rpm's package of a file; empty if it has none, or there is no rpm.
std::string RpmOwner(const std::string& root, const std::string& path) {
  std::vector<std::string> command = {"rpm"};
  if (!root.empty()) command.insert(command.end(), {"--root", root});
  command.insert(command.end(), {"-qf", "--queryformat",
                                 "%{NAME}-%{VERSION}-%{RELEASE}\\n", path});
  std::string output;
  const absl::StatusOr<int> exit_code = RunProgram(command, &output);
  if (!exit_code.ok() || *exit_code != 0) return "";
  return output.substr(0, output.find('\n'));
}

// A module that DKMS made: /var/lib/dkms/NAME/VERSION/RELEASE/ARCH/module/*.ko
struct DkmsModule {
  std::string name;
  std::string version;
};

// What DKMS made for that kernel, by module. Where two versions were made, the
// one to which NAME/kernel-RELEASE-ARCH leads is installed.
std::map<std::string, DkmsModule> DkmsModules(const std::string& root,
                                              const std::string& release) {
  std::map<std::string, DkmsModule> modules;
  for (const fs::path& name : EntriesOf(RootedPath(root, "/var/lib/dkms"))) {
    for (const fs::path& version : EntriesOf(name.string())) {
      std::error_code error;
      if (fs::is_symlink(version, error)) continue;
      for (const fs::path& arch : EntriesOf((version / release).string())) {
        const fs::path link = name / absl::StrCat("kernel-", release, "-",
                                                  arch.filename().string());
        const fs::path target = fs::read_symlink(link, error);
        const bool installed =
            !error && absl::StrContains(
                          absl::StrCat("/", target.string(), "/"),
                          absl::StrCat("/", version.filename().string(), "/"));
        for (const fs::path& file : EntriesOf((arch / "module").string())) {
          const auto module = ModuleNameOf(file.string());
          if (!module.has_value()) continue;
          const std::string key = KernelName(*module);
          if (!installed && modules.count(key) != 0) continue;
          modules[key] = {name.filename().string(),
                          version.filename().string()};
        }
      }
    }
  }
  return modules;
}

}  // namespace

std::map<std::string, std::string> OwnersOf(
    const std::string& root, const std::string& release,
    const std::vector<std::string>& modules) {
  std::map<std::string, std::string> owners;
  if (modules.empty()) return owners;
  const std::map<std::string, DkmsModule> dkms = DkmsModules(root, release);
  const auto dkms_source = [](const DkmsModule& module) {
    return absl::StrCat("/usr/src/", module.name, "-", module.version,
                        "/dkms.conf");
  };
  const std::string info = RootedPath(root, "/var/lib/dpkg/info");
  std::error_code error;
  const bool has_dpkg = fs::is_directory(info, error);
  std::map<std::string, std::string> packages;
  if (has_dpkg) {
    std::set<std::string> wanted;
    for (const std::string& path : modules) {
      wanted.insert(Unrooted(root, path));
    }
    for (const auto& [name, module] : dkms) wanted.insert(dkms_source(module));
    packages = DpkgOwners(info, wanted);
  }
  const auto package_of = [&](const std::string& path) -> std::string {
    if (!has_dpkg) return RpmOwner(root, path);
    const auto found = packages.find(WithoutUsr(path));
    return found == packages.end() ? "" : found->second;
  };
  for (const std::string& path : modules) {
    std::string& owner = owners[path];
    const std::string package = package_of(Unrooted(root, path));
    if (!package.empty()) {
      owner = "package " + package;
      continue;
    }
    const auto made = dkms.find(KernelName(ModuleNameOf(path).value_or("")));
    if (made == dkms.end()) {
      owner = "no package";
      continue;
    }
    owner = absl::StrCat("DKMS ", made->second.name, " ", made->second.version);
    const std::string source = package_of(dkms_source(made->second));
    if (!source.empty()) absl::StrAppend(&owner, " of package ", source);
  }
  return owners;
}

}  // namespace btfd::client
