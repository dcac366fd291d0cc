// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/shipped/shipped_libbpf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"
#include "tests/oracle/shipped/protocol.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {

namespace {

constexpr char kServer[] = "tests/oracle/shipped/libbpf_server";

bool WriteAll(int fd, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

bool ReadAll(int fd, void* data, size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool ReadString(int fd, size_t size, std::string* out) {
  out->resize(size);
  return ReadAll(fd, out->data(), size);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ShippedLibbpf>> ShippedLibbpf::Start(
    const std::string& version) {
  std::vector<std::string> argv;
  if (version != "1.1") {
    const std::string lib =
        absl::StrCat(TestdataRoot(), "/peers/pahole-",
                     version == "1.5" ? "1.30" : "1.32", "/lib");
    const std::string loader = lib + "/ld-linux-x86-64.so.2";
    if (!std::filesystem::exists(loader)) {
      return absl::NotFoundError(
          absl::StrCat(loader, " is missing: run tools/testdata first"));
    }
    argv = {loader, "--library-path", lib};
  }
  argv.push_back(kServer);
  argv.push_back("v" + version);
  std::unique_ptr<ShippedLibbpf> libbpf(new ShippedLibbpf(std::move(argv)));
  RETURN_IF_ERROR(libbpf->StartServer());
  // A server that finds no libbpf, or another one, ends at once.
  Request nothing;
  if (libbpf->Dedup(nothing).verdict != Verdict::kRefused) {
    return absl::FailedPreconditionError(
        absl::StrCat("libbpf ", version, " cannot be run here"));
  }
  return libbpf;
}

ShippedLibbpf::ShippedLibbpf(std::vector<std::string> argv)
    : argv_(std::move(argv)) {}

ShippedLibbpf::~ShippedLibbpf() { StopServer(); }

absl::Status ShippedLibbpf::StartServer() {
  int to[2];
  int from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
    return absl::InternalError(strerror(errno));
  }
  signal(SIGPIPE, SIG_IGN);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  const std::vector<char*> argv = PointersTo(argv_);
  const int error =
      posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(to[0]);
  close(from[1]);
  to_server_ = to[1];
  from_server_ = from[0];
  has_base_ = false;
  base_.clear();
  if (error != 0) {
    pid_ = -1;
    return absl::InternalError(absl::StrCat(argv_[0], ": ", strerror(error)));
  }
  return absl::OkStatus();
}

void ShippedLibbpf::StopServer() {
  close(to_server_);
  close(from_server_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool ShippedLibbpf::Ask(const Request& request, Result* result) {
  ShippedRequest header{};
  const bool known = request.base != nullptr ? has_base_ : false;
  if (request.base == nullptr) {
    header.base = SHIPPED_NO_BASE;
  } else {
    header.base =
        known && base_ == *request.base ? SHIPPED_SAME_BASE : SHIPPED_NEW_BASE;
  }
  header.encode = request.encode;
  header.distill = request.distill;
  header.milliseconds = request.milliseconds;
  header.size = static_cast<uint32_t>(request.btf.size());
  if (header.base == SHIPPED_NEW_BASE) {
    header.base_size = static_cast<uint32_t>(request.base->size());
    base_ = *request.base;
  }
  has_base_ = request.base != nullptr;
  if (!WriteAll(to_server_, &header, sizeof(header)) ||
      (header.base == SHIPPED_NEW_BASE &&
       !WriteAll(to_server_, base_.data(), base_.size())) ||
      !WriteAll(to_server_, request.btf.data(), request.btf.size())) {
    return false;
  }
  ShippedAnswer answer;
  if (!ReadAll(from_server_, &answer, sizeof(answer)) ||
      !ReadString(from_server_, answer.size, &result->btf) ||
      !ReadString(from_server_, answer.distilled_size,
                  &result->distilled_base)) {
    return false;
  }
  result->verdict = answer.status == 0                 ? Verdict::kDone
                    : answer.status == SHIPPED_ENDLESS ? Verdict::kEndless
                                                       : Verdict::kRefused;
  return true;
}

ShippedLibbpf::Result ShippedLibbpf::Dedup(const Request& request) {
  Result result;
  if (pid_ < 0 && !StartServer().ok()) return result;
  if (!Ask(request, &result)) {
    StopServer();
    result = Result();
  }
  return result;
}

}  // namespace btfd::tests
