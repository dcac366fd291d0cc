// SPDX-License-Identifier: Apache-2.0
#include "client/kernel/installed_kernel.h"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/kernel/rooted_path.h"
#include "lib/util/file.h"

namespace btfd::client {

namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kModules = "/lib/modules";

bool IsRegularFile(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Links to directories (build, source) are not followed; a link to a module is
// (weak-updates/), within the root.
std::vector<std::string> ModulesIn(const std::string& root,
                                   const std::string& directory) {
  std::vector<std::string> modules;
  std::error_code error;
  fs::recursive_directory_iterator entry(
      directory, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!ModuleNameOf(path).has_value()) continue;
    std::error_code ignored;
    const bool is_link = entry->is_symlink(ignored);
    if (is_link && !root.empty()) {
      const std::string target = RootedPath(root, path.substr(root.size()));
      if (IsRegularFile(target)) modules.push_back(target);
    } else if (IsRegularFile(path)) {
      modules.push_back(path);
    }
  }
  std::sort(modules.begin(), modules.end());
  modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
  return modules;
}

std::vector<std::string> ImagesOf(const std::string& root,
                                  const std::string& release,
                                  const std::string& running) {
  const std::string own = absl::StrCat(kModules, "/", release);
  std::vector<std::string> places = {
      "/boot/vmlinuz-" + release,
      own + "/vmlinuz",
      "/boot/vmlinux-" + release,
      "/boot/Image-" + release,
      "/usr/lib/debug/boot/vmlinux-" + release,
      "/usr/lib/debug/lib/modules/" + release + "/vmlinux",
      own + "/build/vmlinux"};
  if (release == running && root.empty()) {
    places.push_back("/sys/kernel/btf/vmlinux");
  }
  std::vector<std::string> found;
  for (const std::string& place : places) {
    std::string path = RootedPath(root, place);
    if (IsRegularFile(path)) found.push_back(std::move(path));
  }
  return found;
}

// The text of a kernel's .config; empty if there is none.
std::string ConfigurationOf(const std::string& root,
                            const std::string& release) {
  const std::string own = absl::StrCat(kModules, "/", release);
  for (const std::string& place :
       {"/boot/config-" + release, own + "/config",
        own + "/build/include/config/auto.conf", own + "/build/.config"}) {
    const auto text = util::ReadFile(RootedPath(root, place));
    if (text.ok() && absl::StrContains(*text, "CONFIG_")) return "\n" + *text;
  }
  return "";
}

}  // namespace

std::optional<std::string> ModuleNameOf(const std::string& path) {
  absl::string_view name = absl::string_view(path).substr(path.rfind('/') + 1);
  for (const absl::string_view ending : {".gz", ".xz", ".zst"}) {
    if (absl::ConsumeSuffix(&name, ending)) break;
  }
  if (!absl::ConsumeSuffix(&name, ".ko") || name.empty()) return std::nullopt;
  return std::string(name);
}

absl::Status NoImageWithBtf(const InstalledKernel& kernel,
                            const std::vector<std::string>& why) {
  std::string text = absl::StrCat(
      "Linux ", kernel.release,
      ": nothing to hold its modules against: none of /boot/vmlinuz-RELEASE, "
      "/boot/vmlinux-RELEASE, /usr/lib/debug/boot/vmlinux-RELEASE, and vmlinuz "
      "and build/vmlinux in its directory has BTF");
  for (const std::string& one : why) absl::StrAppend(&text, "; ", one);
  return absl::NotFoundError(text);
}

std::string RunningRelease() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

absl::StatusOr<InstalledKernel> FindInstalledKernel(
    const std::string& root, const std::string& release,
    const std::string& running) {
  InstalledKernel kernel;
  kernel.release = release;
  kernel.directory = RootedPath(root, absl::StrCat(kModules, "/", release));
  std::error_code error;
  if (!fs::is_directory(kernel.directory, error)) {
    const std::string all = RootedPath(root, kModules);
    const std::vector<std::string> names = NamesIn(all);
    return absl::NotFoundError(
        absl::StrCat("there is no kernel ", release, " in ", all, ": ",
                     names.empty() ? "it has none"
                                   : "it has " + absl::StrJoin(names, ", ")));
  }
  kernel.modules = ModulesIn(root, kernel.directory);
  kernel.images = ImagesOf(root, release, running);
  const std::string configuration = ConfigurationOf(root, release);
  if (!configuration.empty()) {
    const auto is_set = [&](absl::string_view option) {
      return absl::StrContains(configuration, absl::StrCat("\n", option, "=y"));
    };
    kernel.has_btf = is_set("CONFIG_DEBUG_INFO_BTF");
    kernel.loads_refused = is_set("CONFIG_MODULE_ALLOW_BTF_MISMATCH");
  }
  return kernel;
}

}  // namespace btfd::client
