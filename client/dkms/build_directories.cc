// SPDX-License-Identifier: Apache-2.0
#include "client/dkms/build_directories.h"

#include <unistd.h>

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/dkms/directory.h"
#include "client/kernel/rooted_path.h"
#include "lib/util/file.h"

namespace btfd::client {

namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kFile = "/GNUmakefile";

// The directory that `path` leads to, without the root; nothing if there is
// none.
std::optional<std::string> Resolve(const std::string& root,
                                   const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::canonical(RootedPath(root, path), error);
  if (error || !fs::is_directory(whole, error)) return std::nullopt;
  if (root.empty()) return whole.string();
  const fs::path whole_root = fs::canonical(root, error);
  absl::string_view rest = whole.native();
  if (error || !absl::ConsumePrefix(&rest, whole_root.native())) {
    return std::nullopt;
  }
  return std::string(rest);
}

bool IsOfPackages(absl::string_view path) {
  for (const absl::string_view prefix :
       {"/usr/src/", "/usr/lib/modules/", "/lib/modules/"}) {
    if (absl::StartsWith(path, prefix)) return true;
  }
  return false;
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

std::string BuildDirectories::Makefile() const {
  return absl::StrCat(
      "# Made by btfd, so that DKMS packages have BTF; see: btfc dkms status\n"
      "# If it is edited, btfd leaves it alone.\n"
      "-include ",
      library, "/kbuild.mk\ninclude Makefile\n");
}

std::vector<BuildDirectory> BuildDirectories::Find() const {
  std::map<std::string, BuildDirectory> found;
  const auto add = [this, &found](const std::string& path,
                                  const std::string& release) {
    BuildDirectory& directory = found[path];
    directory.path = path;
    if (directory.release.empty()) directory.release = release;
    const bool has_makefile = Exists(root + path + "/Makefile");
    const absl::StatusOr<std::string> content =
        util::ReadFile(absl::StrCat(root, path, kFile));
    if (content.ok() && *content == Makefile()) {
      directory.state = has_makefile ? BuildDirectory::State::kServed
                                     : BuildDirectory::State::kLeftOver;
    } else if (Exists(absl::StrCat(root, path, kFile))) {
      directory.state = BuildDirectory::State::kForeign;
    } else if (!IsOfPackages(path)) {
      directory.state = BuildDirectory::State::kOwnTree;
    } else {
      directory.state = BuildDirectory::State::kFree;
      if (!has_makefile) found.erase(path);
    }
  };
  for (const std::string& release :
       ListDirectory(RootedPath(root, "/lib/modules"))) {
    const std::optional<std::string> path =
        Resolve(root, absl::StrCat("/lib/modules/", release, "/build"));
    if (path.has_value()) add(*path, release);
  }
  for (const std::string& name : ListDirectory(root + "/usr/src")) {
    const std::string path = "/usr/src/" + name;
    if (found.count(path) == 0 && Exists(absl::StrCat(root, path, kFile))) {
      add(path, "");
    }
  }
  std::vector<BuildDirectory> directories;
  for (auto& [path, directory] : found) {
    // What is in /usr/src beside the kernels is none of our business.
    const bool kernel = !directory.release.empty() ||
                        directory.state == BuildDirectory::State::kServed ||
                        directory.state == BuildDirectory::State::kLeftOver;
    if (kernel) directories.push_back(std::move(directory));
  }
  return directories;
}

absl::Status BuildDirectories::Put(const BuildDirectory& directory) const {
  return util::WriteFileAtomically(absl::StrCat(root, directory.path, kFile),
                                   Makefile());
}

absl::Status BuildDirectories::Remove(const BuildDirectory& directory) const {
  const std::string file = absl::StrCat(root, directory.path, kFile);
  if (unlink(file.c_str()) != 0) return util::ErrnoStatus(file, "unlink");
  if (directory.state == BuildDirectory::State::kLeftOver) {
    // Fails, as it should, if there is something else in it.
    (void)rmdir((root + directory.path).c_str());
  }
  return absl::OkStatus();
}

}  // namespace btfd::client
