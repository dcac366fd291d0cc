// SPDX-License-Identifier: Apache-2.0
//
// Bases and their indexes. An index has several files (packed_index.h), which
// are fetched at the same time. A caller that fetches the core index of a base
// will soon ask for its dedup index as well, so fetching that begins at once.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "daemon/remote_cache/action.h"
#include "daemon/remote_cache/packed_index.h"
#include "daemon/remote_cache/remote_cache.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon::remote {

using store::Counter;

// A fetch of an index's files, or of a raw base. The thread that brings a file
// checks and unpacks it.
struct RemoteCache::Fetching {
  Fetching(const util::Digest& b, bool is_raw, uint64_t max_bytes)
      : base(b), raw_wanted(is_raw), unpacker(max_bytes) {}

  absl::Status Take(size_t file, std::string bytes) {
    if (!raw_wanted) return unpacker.Add(file, bytes);
    raw = std::move(bytes);
    return absl::OkStatus();
  }

  const util::Digest base;
  const bool raw_wanted;
  util::Digest action;
  std::vector<std::string> files;
  std::unique_ptr<Expected> expected;
  IndexUnpacker unpacker;
  std::string raw;

  absl::Mutex mutex;
  size_t missing ABSL_GUARDED_BY(mutex) = 1;
  absl::Status status ABSL_GUARDED_BY(mutex);  // the first error
  absl::Notification ended;
};

std::shared_ptr<RemoteCache::Fetching> RemoteCache::BeginFetch(
    const util::Digest& base, store::IndexPart part, bool raw) {
  if (!Admits()) return nullptr;
  const BlobName action = IndexAction(base, part, options_.index_version).name;
  // An index is larger than its base.
  const uint64_t most = 4 * options_.max_btf_bytes;
  auto fetch = std::make_shared<Fetching>(base, raw, most);
  fetch->action = action.digest;
  std::vector<std::string> outputs = FilesOf(part);
  fetch->files = raw ? std::vector<std::string>{kRawBaseFile} : outputs;
  if (part == store::IndexPart::kCore) outputs.push_back(kRawBaseFile);
  AskParts(action, std::move(outputs), /*inlined=*/{}, most,
           absl::Now() + Budget(), [this, fetch](absl::StatusOr<Parts> parts) {
             if (parts.ok()) FetchFiles(fetch, *std::move(parts));
             GotFile(fetch, parts.status());
           });
  return fetch;
}

void RemoteCache::FetchFiles(const std::shared_ptr<Fetching>& fetch,
                             Parts parts) {
  std::vector<ResultPart*> wanted(fetch->files.size());
  uint64_t bytes = 0;
  for (ResultPart& part : parts) {
    if (part.kind != ResultPart::Kind::kOutput) continue;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (part.path != fetch->files[i]) continue;
      wanted[i] = &part;
      bytes += part.name.size;
    }
  }
  {
    absl::MutexLock lock(&fetch->mutex);
    fetch->missing += wanted.size();
  }
  fetch->expected = std::make_unique<Expected>(bytes, &expected_bytes_);
  const absl::Time deadline = absl::Now() + Budget();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == nullptr) {
      GotFile(fetch, absl::NotFoundError(
                         absl::StrCat("the result has no ", fetch->files[i])));
    } else if (wanted[i]->inlined) {
      GotFile(fetch, fetch->Take(i, std::move(wanted[i]->bytes)));
    } else {
      // Each file is a Fetch() of its own, so that no file waits for the
      // others.
      reader_.Fetch(
          {wanted[i]->name}, limits(), deadline, [this, fetch, i](auto blobs) {
            GotFile(fetch, blobs.ok() ? fetch->Take(i, std::move((*blobs)[0]))
                                      : blobs.status());
          });
    }
  }
}

void RemoteCache::GotFile(const std::shared_ptr<Fetching>& fetch,
                          const absl::Status& status) {
  absl::Status all;
  {
    absl::MutexLock lock(&fetch->mutex);
    if (fetch->status.ok()) fetch->status = status;
    if (--fetch->missing > 0) return;
    all = fetch->status;
  }
  fetch->expected = nullptr;
  Note(all);
  fetch->ended.Notify();
}

absl::Status RemoteCache::EndFetch(const std::shared_ptr<Fetching>& fetch,
                                   absl::Duration wait_limit) {
  if (fetch == nullptr) {
    return absl::UnavailableError("the remote cache is not asked");
  }
  if (!fetch->ended.WaitForNotificationWithTimeout(wait_limit)) {
    return absl::DeadlineExceededError("the remote cache is not done yet");
  }
  {
    absl::MutexLock lock(&fetch->mutex);
    RETURN_IF_ERROR(fetch->status);
  }
  absl::MutexLock lock(&mutex_);
  offered_.insert(fetch->action);
  return absl::OkStatus();
}

std::shared_ptr<RemoteCache::Fetching> RemoteCache::TakeAhead(
    const util::Digest& base, store::IndexPart part) {
  if (part != store::IndexPart::kDedup) return nullptr;
  absl::MutexLock lock(&mutex_);
  if (ahead_ == nullptr || ahead_->base != base) return nullptr;
  return std::move(ahead_);
}

void RemoteCache::ExpectDedupIndex(const util::Digest& base) {
  {
    absl::MutexLock lock(&mutex_);
    if (ahead_ != nullptr && ahead_->base == base) return;
  }
  auto fetch = BeginFetch(base, store::IndexPart::kDedup, /*raw=*/false);
  absl::MutexLock lock(&mutex_);
  ahead_ = std::move(fetch);
}

absl::StatusOr<util::Blob> RemoteCache::FetchIndex(const util::Digest& base,
                                                   store::IndexPart part,
                                                   absl::Duration wait_limit) {
  std::shared_ptr<Fetching> fetch = TakeAhead(base, part);
  if (fetch == nullptr) fetch = BeginFetch(base, part, /*raw=*/false);
  if (part == store::IndexPart::kCore) ExpectDedupIndex(base);
  RETURN_IF_ERROR(EndFetch(fetch, wait_limit));
  counters_->Add(Counter::kRemoteIndexes);
  return fetch->unpacker.Take();
}

absl::StatusOr<std::string> RemoteCache::FetchBase(const util::Digest& base) {
  const auto fetch = BeginFetch(base, store::IndexPart::kCore, /*raw=*/true);
  RETURN_IF_ERROR(EndFetch(fetch, absl::InfiniteDuration()));
  if (util::Digest::Of(fetch->raw) != base) {
    const absl::Status status = absl::DataLossError(absl::StrCat(
        "what is said to be base ", base.hex(), " is another one"));
    Note(status);
    return status;
  }
  counters_->Add(Counter::kRemoteBases);
  return std::move(fetch->raw);
}

absl::Status RemoteCache::AskResult(const BlobName& action) {
  if (!Admits()) return absl::UnavailableError("the remote cache is not asked");
  reapi::GetActionResultRequest request;
  action.To(request.mutable_action_digest());
  absl::Notification ended;
  absl::Status status;
  reapi_->GetActionResult(
      std::move(request), absl::Now() + Budget(),
      [&](const absl::Status& got, const reapi::ActionResult&) {
        status = got;
        ended.Notify();
      });
  ended.WaitForNotification();
  Note(status);
  return status;
}

bool RemoteCache::HasBase(const util::Digest& base) {
  return AskResult(
             IndexAction(base, store::IndexPart::kCore, options_.index_version)
                 .name)
      .ok();
}

void RemoteCache::OfferIndex(const util::Digest& base, store::IndexPart part,
                             absl::string_view index,
                             const std::function<std::string()>& raw) {
  if (!MayUpload()) return;
  Action action = IndexAction(base, part, options_.index_version);
  {
    absl::MutexLock lock(&mutex_);
    if (!offered_.insert(action.name.digest).second) return;
  }
  if (!absl::IsNotFound(AskResult(action.name))) return;

  Upload upload;
  upload.action = action.name;
  upload.blobs = std::move(action.blobs);
  const auto add = [&](absl::string_view file, std::string bytes) {
    const BlobName name = BlobName::Of(bytes);
    reapi::OutputFile* output = upload.result.add_output_files();
    output->set_path(std::string(file));
    name.To(output->mutable_digest());
    upload.blobs.push_back({name, std::move(bytes)});
  };
  if (part == store::IndexPart::kCore) {
    std::string bytes = raw();
    if (bytes.empty()) return;
    add(kRawBaseFile, std::move(bytes));
  }
  const std::vector<std::string> files = FilesOf(part);
  std::vector<std::string> parts = PackIndex(index);
  for (size_t i = 0; i < parts.size(); ++i) add(files[i], std::move(parts[i]));
  if (uploader_->HasRoom(upload.bytes())) uploader_->Add(std::move(upload));
}

}  // namespace btfd::daemon::remote
