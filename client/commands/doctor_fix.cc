// SPDX-License-Identifier: Apache-2.0
#include "client/commands/doctor_fix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/commands/lifecycle.h"
#include "lib/elf/kernel_image.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

// Why findings of that kind are left to people; null for those that are not.
const char* WhyLeft(Fix fix) {
  switch (fix) {
    case Fix::kInstall:
      return "it installs and configures nothing";
    case Fix::kReplace:
      return "it replaces and removes no file";
    case Fix::kSettings:
      return "it changes no settings";
    case Fix::kModule:
      return "it changes no module";
    case Fix::kBuild:
      return "that is said in the call of the build";
    case Fix::kNone:
    case Fix::kExtractBase:
    case Fix::kRestartDaemon:
    case Fix::kStartDaemon:
      break;
  }
  return nullptr;
}

// Puts `target` where nothing is yet.
absl::Status ExtractBase(const std::string& source, const std::string& target,
                         std::string* done) {
  ASSIGN_OR_RETURN(const elf::KernelImage image, elf::ReadKernelImage(source));
  RETURN_IF_ERROR(WriteNewFile(target, image.bytes()));
  *done = absl::StrCat("wrote ", target, ", ", image.bytes().size(),
                       " bytes: ", image.origin, " in ", source,
                       ", which is of the same build as the headers");
  return absl::OkStatus();
}

absl::Status RestartDaemon(std::string* done) {
  RETURN_IF_ERROR(StopDaemon());
  ASSIGN_OR_RETURN(const std::string running, StartDaemon());
  *done = "restarted the daemon: " + running;
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteNewFile(const std::string& path, absl::string_view bytes) {
  const std::string temporary = absl::StrCat(path, ".tmp_btfd_", getpid());
  ASSIGN_OR_RETURN(
      const util::UniqueFd fd,
      util::OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  const absl::Cleanup remove = [&] { unlink(temporary.c_str()); };
  RETURN_IF_ERROR(util::WriteAt(fd.get(), temporary, bytes, 0));
  // Unlike rename(2) it replaces nothing and follows no link.
  if (link(temporary.c_str(), path.c_str()) != 0) {
    return util::ErrnoStatus(path, "cannot make it");
  }
  return absl::OkStatus();
}

Fixer::Fixer(const Machine& machine, std::string directory)
    : machine_(machine), directory_(std::move(directory)) {}

absl::Status Fixer::Do(const Finding& finding, std::string* done) {
  switch (finding.fix) {
    case Fix::kExtractBase: {
      ASSIGN_OR_RETURN(const std::string source,
                       FindCertainBase(machine_, directory_));
      return ExtractBase(source, finding.target, done);
    }
    case Fix::kRestartDaemon:
      // One restart is for all findings.
      if (std::exchange(restarted_, true)) return absl::OkStatus();
      return RestartDaemon(done);
    case Fix::kStartDaemon: {
      if (restarted_) return absl::OkStatus();
      ASSIGN_OR_RETURN(const std::string running, StartDaemon());
      *done = "clients try the daemon again: " + running;
      return absl::OkStatus();
    }
    default:
      return absl::UnimplementedError(WhyLeft(finding.fix));
  }
}

bool Fixer::Apply(const std::vector<Finding>& findings) {
  bool any_done = false;
  for (const Finding& finding : findings) {
    if (finding.fix == Fix::kNone) continue;
    found_ = true;
    std::string done;
    const absl::Status status = Do(finding, &done);
    if (!status.ok()) {
      printf("  left  %s\n        -> not done: %s\n", finding.what.c_str(),
             std::string(status.message()).c_str());
      continue;
    }
    any_done = true;
    if (!done.empty()) printf("  done  %s\n", done.c_str());
  }
  return any_done;
}

}  // namespace btfd::client
