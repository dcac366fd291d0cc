// SPDX-License-Identifier: Apache-2.0
#include "client/dkms/tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/dkms/directory.h"

namespace btfd::client {

namespace {

void AddModules(const std::string& directory, const std::string& kernel,
                DkmsPackage* package) {
  for (const std::string& name : ListDirectory(directory)) {
    if (absl::StrContains(name, ".ko")) {
      package->modules.push_back({absl::StrCat(directory, "/", name), kernel});
    }
  }
}

}  // namespace

std::vector<DkmsPackage> ReadDkmsTree(const std::string& tree) {
  std::vector<DkmsPackage> packages;
  for (const std::string& name : ListDirectory(tree)) {
    for (const std::string& version :
         ListDirectory(absl::StrCat(tree, "/", name))) {
      const std::string at = absl::StrCat(tree, "/", name, "/", version);
      // DKMS keeps links to built modules beside the versions.
      struct stat info;
      if (lstat(at.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
          lstat((at + "/source").c_str(), &info) != 0) {
        continue;
      }
      DkmsPackage package{name, version, {}};
      for (const std::string& kernel : ListDirectory(at)) {
        if (kernel == "source" || kernel == "build") continue;
        for (const std::string& architecture :
             ListDirectory(absl::StrCat(at, "/", kernel))) {
          AddModules(
              absl::StrCat(at, "/", kernel, "/", architecture, "/module"),
              kernel, &package);
        }
      }
      packages.push_back(std::move(package));
    }
  }
  return packages;
}

std::string DkmsPackageBuiltIn(absl::string_view directory) {
  while (!directory.empty()) {
    directory = absl::StripSuffix(directory, "/");
    absl::string_view version = directory;
    if (absl::ConsumeSuffix(&version, "/build") &&
        access(absl::StrCat(version, "/source/dkms.conf").c_str(), F_OK) == 0) {
      const absl::string_view package = version.substr(0, version.rfind('/'));
      return std::string(package.substr(package.rfind('/') + 1));
    }
    const size_t slash = directory.rfind('/');
    if (slash == absl::string_view::npos) break;
    directory = directory.substr(0, slash);
  }
  return "";
}

}  // namespace btfd::client
