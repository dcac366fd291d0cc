// SPDX-License-Identifier: Apache-2.0
#include "lib/util/own_program.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

namespace btfd::util {

std::string OwnProgram() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  if (length > 0 && length < PATH_MAX) return std::string(path, length);
  // The kernel tells each process the path that it was started by.
  const auto* const started_by =
      reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (started_by == nullptr) return "";
  return realpath(started_by, path) != nullptr ? path : started_by;
}

std::string OwnProgramDirectory() {
  const std::string program = OwnProgram();
  const size_t slash = program.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : program.substr(0, slash);
}

bool IsOwnProgram(const std::string& path) {
  struct stat ours, theirs;
  const bool known = stat("/proc/self/exe", &ours) == 0 ||
                     stat(OwnProgram().c_str(), &ours) == 0;
  return known && stat(path.c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

}  // namespace btfd::util
