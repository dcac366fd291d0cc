// SPDX-License-Identifier: Apache-2.0
#include "lib/util/runtime_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace btfd::util {

namespace {

std::string Versions() {
  return absl::StrCat(kProtocolVersion, ".", kEngineVersion);
}

// Where the user has no directory of his own.
std::string DirectoryInTmp(uid_t uid) {
  return absl::StrCat("/tmp/btfd-", uid);
}

// `stem` is the socket's path without its extension.
RuntimePaths FromStem(std::string directory, absl::string_view stem,
                      uid_t uid) {
  RuntimePaths paths;
  paths.directory = std::move(directory);
  paths.socket = absl::StrCat(stem, ".sock");
  paths.lock = absl::StrCat(stem, ".lock");
  paths.start = absl::StrCat(stem, ".start");
  paths.backoff = absl::StrCat(stem, ".backoff");
  paths.told = absl::StrCat(stem, ".told");
  paths.fallbacks = absl::StrCat(stem, ".fallbacks");
  paths.log = absl::StrCat(stem, ".log");
  paths.other_backoff =
      absl::StrCat(DirectoryInTmp(uid), "-", Versions(), ".backoff");
  return paths;
}

RuntimePaths InDirectory(std::string directory, uid_t uid) {
  const std::string stem = absl::StrCat(directory, "/btfd-", Versions());
  return FromStem(std::move(directory), stem, uid);
}

RuntimePaths BesideSocket(absl::string_view socket) {
  const size_t slash = socket.rfind('/');
  RuntimePaths paths =
      FromStem(std::string(socket.substr(0, slash == 0 ? 1 : slash)),
               absl::StripSuffix(socket, ".sock"), geteuid());
  paths.socket = std::string(socket);
  paths.shared_directory = true;
  return paths;
}

bool FitsSocketAddress(const std::string& path) {
  return path.size() < sizeof(sockaddr_un{}.sun_path);
}

absl::string_view Environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? absl::string_view() : absl::string_view(value);
}

// Whether `directory`, in `parent`, is the user's or can be made.
bool IsUsable(const std::string& parent, const std::string& directory,
              uid_t uid) {
  struct stat info;
  if (lstat(directory.c_str(), &info) != 0 &&
      stat(parent.c_str(), &info) != 0) {
    return false;
  }
  return info.st_uid == uid;
}

bool IsAbsolute(absl::string_view path) {
  return !path.empty() && path[0] == '/';
}

}  // namespace

RuntimePaths RuntimePathsFor(absl::string_view xdg_runtime_dir, uid_t uid) {
  if (IsAbsolute(xdg_runtime_dir)) {
    RuntimePaths paths =
        InDirectory(absl::StrCat(xdg_runtime_dir, "/btfd"), uid);
    if (FitsSocketAddress(paths.socket)) return paths;
  }
  return InDirectory(DirectoryInTmp(uid), uid);
}

RuntimePaths UsableRuntimePathsFor(absl::string_view xdg_runtime_dir,
                                   uid_t uid) {
  RuntimePaths paths = RuntimePathsFor(xdg_runtime_dir, uid);
  if (!IsAbsolute(xdg_runtime_dir) ||
      !absl::StartsWith(paths.directory, xdg_runtime_dir) ||
      IsUsable(std::string(xdg_runtime_dir), paths.directory, uid)) {
    return paths;
  }
  RuntimePaths in_tmp = RuntimePathsFor("", uid);
  in_tmp.passed_over = std::move(paths.directory);
  return in_tmp;
}

RuntimePaths RuntimePathsOfProcess() {
  const absl::string_view socket = Environment("BTFD_SOCKET");
  if (IsAbsolute(socket)) return BesideSocket(socket);
  const absl::string_view own = Environment("BTFD_RUNTIME_DIR");
  if (IsAbsolute(own)) return InDirectory(std::string(own), geteuid());
  return UsableRuntimePathsFor(Environment("XDG_RUNTIME_DIR"), geteuid());
}

absl::Status EnsurePrivateDirectory(const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", directory));
  }
  struct stat info;
  if (lstat(directory.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", directory));
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::PermissionDeniedError(
        absl::StrCat(directory, " is not a directory"));
  }
  if (info.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat(directory, " belongs to uid ", info.st_uid));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(directory, " is open to other users; make it mode 0700"));
  }
  return absl::OkStatus();
}

}  // namespace btfd::util
