// SPDX-License-Identifier: Apache-2.0
#include "client/cli/jobserver.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace btfd::client {

namespace {

// What the last --jobserver-auth of make says; its old name is
// --jobserver-fds.
absl::string_view AddressIn(absl::string_view makeflags) {
  absl::string_view address;
  for (absl::string_view word :
       absl::StrSplit(makeflags, ' ', absl::SkipEmpty())) {
    if (word == "--") break;  // variables follow
    if (absl::ConsumePrefix(&word, "--jobserver-auth=") ||
        absl::ConsumePrefix(&word, "--jobserver-fds=")) {
      address = word;
    }
  }
  return address;
}

// Opens a pipe that must not be waited for. If it was inherited, a descriptor
// of our own is needed: O_NONBLOCK on the inherited one would be make's as
// well.
util::UniqueFd OpenPipe(const std::string& path, int flags) {
  util::UniqueFd fd(open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC));
  struct stat info;
  if (fd && (fstat(fd.get(), &info) != 0 || !S_ISFIFO(info.st_mode))) {
    fd.Reset();
  }
  return fd;
}

}  // namespace

std::optional<JobserverTokens> JobserverTokens::Take(
    absl::string_view makeflags, size_t most) {
  absl::string_view address = AddressIn(makeflags);
  std::string read_path, write_path;
  if (absl::ConsumePrefix(&address, "fifo:")) {
    read_path = write_path = std::string(address);
  } else {
    const std::vector<absl::string_view> fds = absl::StrSplit(address, ',');
    int read_fd, write_fd;
    // make says -1 or -2 to a job that it does not take for a make.
    if (fds.size() != 2 || !absl::SimpleAtoi(fds[0], &read_fd) ||
        !absl::SimpleAtoi(fds[1], &write_fd) || read_fd < 0 || write_fd < 0) {
      return std::nullopt;
    }
    read_path = absl::StrCat("/proc/self/fd/", read_fd);
    write_path = absl::StrCat("/proc/self/fd/", write_fd);
  }
  // The reading end first: a pipe without a reader cannot be opened to write.
  util::UniqueFd read = OpenPipe(read_path, O_RDONLY);
  if (!read) return std::nullopt;
  util::UniqueFd write = OpenPipe(write_path, O_WRONLY);
  if (!write) return std::nullopt;
  JobserverTokens taken(std::move(read), std::move(write));
  while (taken.count() < most) {
    char token;
    const ssize_t n = ::read(taken.read_.get(), &token, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n != 1) break;
    taken.tokens_.push_back(token);
  }
  return taken;
}

JobserverTokens::~JobserverTokens() {
  while (!tokens_.empty()) {
    const ssize_t n = ::write(write_.get(), &tokens_.back(), 1);
    if (n < 0 && errno == EINTR) continue;
    if (n != 1) return;
    tokens_.pop_back();
  }
}

}  // namespace btfd::client
