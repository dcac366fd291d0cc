// SPDX-License-Identifier: Apache-2.0
#include "tests/remote_cache/fake_storage.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/util/digest.h"
#include "lib/util/status_macros.h"

namespace btfd::tests {

namespace {

absl::Status Refused(const std::string& why) {
  return absl::InvalidArgumentError(why);
}

}  // namespace

absl::Status FakeStorage::CheckDigest(const reapi::Digest& digest) {
  const auto hash = util::Digest::FromHex(digest.hash());
  if (hash.ok() && hash->hex() == digest.hash() && digest.size_bytes() >= 0) {
    return absl::OkStatus();
  }
  return Refused(absl::StrCat("not a digest: ", digest.ShortDebugString()));
}

absl::Status FakeStorage::PutBlob(const reapi::Digest& digest,
                                  std::string bytes) {
  RETURN_IF_ERROR(CheckDigest(digest));
  if (static_cast<uint64_t>(digest.size_bytes()) != bytes.size() ||
      util::Digest::Of(bytes).hex() != digest.hash()) {
    return Refused("a blob that is not what its digest says");
  }
  absl::MutexLock lock(&mutex_);
  blobs_[digest.hash()] = std::make_shared<const std::string>(std::move(bytes));
  return absl::OkStatus();
}

FakeStorage::Bytes FakeStorage::FindBlob(const reapi::Digest& digest) const {
  if (digest.size_bytes() == 0) return std::make_shared<const std::string>();
  absl::MutexLock lock(&mutex_);
  const auto found = blobs_.find(digest.hash());
  if (found == blobs_.end() ||
      found->second->size() != static_cast<uint64_t>(digest.size_bytes())) {
    return nullptr;
  }
  return found->second;
}

template <typename Message>
absl::StatusOr<Message> FakeStorage::Read(const reapi::Digest& digest,
                                          const char* what) const {
  RETURN_IF_ERROR(CheckDigest(digest));
  const Bytes bytes = FindBlob(digest);
  if (bytes == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " is not in the CAS"));
  }
  Message message;
  if (!message.ParseFromString(*bytes) ||
      message.SerializeAsString() != *bytes) {
    return Refused(absl::StrCat(what, " is not in canonical form"));
  }
  return message;
}

absl::Status FakeStorage::CheckAction(const reapi::Digest& digest,
                                      const reapi::ActionResult& result,
                                      bool require_inputs) const {
  ASSIGN_OR_RETURN(const auto action, Read<reapi::Action>(digest, "Action"));
  ASSIGN_OR_RETURN(const auto command,
                   Read<reapi::Command>(action.command_digest(), "Command"));
  ASSIGN_OR_RETURN(const auto root,
                   Read<reapi::Directory>(action.input_root_digest(), "root"));
  if (command.arguments().empty()) return Refused("Command without arguments");
  const auto& paths = command.output_paths();
  if (!std::is_sorted(paths.begin(), paths.end())) {
    return Refused("output_paths are not sorted");
  }
  std::string last;
  for (const reapi::FileNode& file : root.files()) {
    if (file.name() <= last || file.name().find('/') != std::string::npos) {
      return Refused(absl::StrCat("input file out of order: ", file.name()));
    }
    last = file.name();
    RETURN_IF_ERROR(CheckDigest(file.digest()));
    if (require_inputs && FindBlob(file.digest()) == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("input file is not in the CAS: ", file.name()));
    }
  }
  for (const reapi::OutputFile& file : result.output_files()) {
    if (std::find(paths.begin(), paths.end(), file.path()) == paths.end()) {
      return Refused(absl::StrCat("an output that the Command does not name: ",
                                  file.path()));
    }
  }
  return absl::OkStatus();
}

absl::Status FakeStorage::PutResult(const reapi::Digest& action,
                                    const reapi::ActionResult& result,
                                    bool require_inputs) {
  RETURN_IF_ERROR(CheckAction(action, result, require_inputs));
  std::vector<reapi::Digest> wanted;
  for (const reapi::OutputFile& file : result.output_files()) {
    wanted.push_back(file.digest());
  }
  if (result.has_stdout_digest()) wanted.push_back(result.stdout_digest());
  if (result.has_stderr_digest()) wanted.push_back(result.stderr_digest());
  for (const reapi::Digest& digest : wanted) {
    RETURN_IF_ERROR(CheckDigest(digest));
    if (FindBlob(digest) == nullptr) {
      return absl::FailedPreconditionError("an output is not in the CAS");
    }
  }
  absl::MutexLock lock(&mutex_);
  results_[action.hash()] = {action, result};
  return absl::OkStatus();
}

std::optional<reapi::ActionResult> FakeStorage::FindResult(
    const reapi::Digest& action) const {
  absl::MutexLock lock(&mutex_);
  const auto found = results_.find(action.hash());
  if (found == results_.end()) return std::nullopt;
  return found->second.second;
}

size_t FakeStorage::blobs() const {
  absl::MutexLock lock(&mutex_);
  return blobs_.size();
}

size_t FakeStorage::results() const {
  absl::MutexLock lock(&mutex_);
  return results_.size();
}

void FakeStorage::DropBlob(const std::string& bytes) {
  absl::MutexLock lock(&mutex_);
  blobs_.erase(util::Digest::Of(bytes).hex());
}

void FakeStorage::ForEachResult(
    const std::function<void(const std::string&, reapi::ActionResult*)>&
        visit) {
  absl::MutexLock lock(&mutex_);
  for (auto& [hash, entry] : results_) visit(hash, &entry.second);
}

std::vector<std::string> FakeStorage::Commands() const {
  std::vector<reapi::Digest> actions;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [hash, entry] : results_) actions.push_back(entry.first);
  }
  std::vector<std::string> texts;
  for (const reapi::Digest& digest : actions) {
    const auto action = Read<reapi::Action>(digest, "Action");
    if (!action.ok()) continue;
    const auto command =
        Read<reapi::Command>(action->command_digest(), "Command");
    if (command.ok()) texts.push_back(absl::StrJoin(command->arguments(), " "));
  }
  return texts;
}

}  // namespace btfd::tests
