// SPDX-License-Identifier: Apache-2.0
#include "tests/support/user.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"

namespace btfd::tests {

namespace fs = std::filesystem;

User::User(uid_t uid, const std::string& home) : uid_(uid), home_(home) {
  fs::create_directories(home_);
  Give(home_);
  chmod(home_.c_str(), 0700);
}

void User::Give(const std::string& path) const {
  EXPECT_EQ(lchown(path.c_str(), uid_, uid_), 0) << path;
}

void User::Put(const std::string& from, const std::string& name) const {
  fs::copy_file(from, file(name), fs::copy_options::overwrite_existing);
  chmod(file(name).c_str(), 0644);
  Give(file(name));
}

ProcessResult User::Run(const std::vector<std::string>& command,
                        const std::vector<std::string>& environment) const {
  std::vector<std::string> argv = {"timeout",
                                   "60",
                                   "setpriv",
                                   absl::StrCat("--reuid=", uid_),
                                   absl::StrCat("--regid=", uid_),
                                   "--clear-groups",
                                   "env",
                                   "-i",
                                   "PATH=/usr/bin:/bin",
                                   "HOME=" + home_};
  argv.insert(argv.end(), environment.begin(), environment.end());
  argv.insert(argv.end(), command.begin(), command.end());
  return RunProcess(argv, {{}, "/", ""});
}

}  // namespace btfd::tests
