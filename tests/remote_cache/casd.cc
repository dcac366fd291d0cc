// SPDX-License-Identifier: Apache-2.0
#include "tests/remote_cache/casd.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/util/file.h"
#include "tests/support/testdata.h"

namespace btfd::tests {

namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port on which nobody listens now.
int FreePort() {
  const util::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) !=
          0) {
    return 0;
  }
  return ntohs(address.sin_port);
}

bool Listens(int port) {
  const util::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)) == 0;
}

}  // namespace

Casd::Casd() : root_(TestdataRoot() + "/roots/buildbox"), port_(FreePort()) {
  std::string name = root_ + "/var/tmp/casd.XXXXXX";
  if (mkdtemp(&name[0]) != nullptr) inside_ = name.substr(root_.size());
}

Casd::~Casd() {
  Kill();
  if (!inside_.empty()) std::filesystem::remove_all(directory());
}

absl::Status Casd::Start() {
  if (inside_.empty()) {
    return absl::NotFoundError(absl::StrCat(
        root_, " is missing or not ours: run `tools/testdata buildbox`"));
  }
  const std::string bind = "--bind=" + address();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chroot(root_.c_str()) != 0 || chdir("/") != 0) _exit(126);
    execl("/usr/bin/buildbox-casd", "buildbox-casd", bind.c_str(),
          inside_.c_str(), nullptr);
    _exit(127);
  }
  for (int i = 0; i < 1200; ++i) {
    if (Listens(port_)) return absl::OkStatus();
    int status;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return absl::PermissionDeniedError(absl::StrCat(
          "buildbox-casd ended with status ", status, "; chroot needs root"));
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
  return absl::DeadlineExceededError("buildbox-casd does not listen");
}

void Casd::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string Casd::address() const { return absl::StrCat("127.0.0.1:", port_); }
std::string Casd::directory() const { return root_ + inside_; }

}  // namespace btfd::tests
