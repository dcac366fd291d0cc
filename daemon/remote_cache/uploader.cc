// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/uploader.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/remote_cache/compression.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon::remote {

namespace {

using store::Counter;

// The size of a round. It is large enough that round trips cost little for each
// result, and small enough that a failing server costs few results.
constexpr size_t kRoundUploads = 64;
constexpr uint64_t kRoundBytes = uint64_t{16} << 20;
// No caller waits for an upload.
constexpr absl::Duration kAnswerLimit = absl::Seconds(10);
constexpr uint32_t kFailuresToOpen = 3;
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
// Compressing smaller blobs gains nothing.
constexpr size_t kWorthCompressing = 512;

// Waits until all calls that were begun have ended, and keeps their first
// error.
class Calls {
 public:
  void Begin() {
    absl::MutexLock lock(&mutex_);
    ++open_;
  }
  void End(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    if (first_error_.ok()) first_error_ = status;
    --open_;
  }
  absl::Status Wait() {
    const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return open_ == 0;
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&done));
    return first_error_;
  }

 private:
  absl::Mutex mutex_;
  uint32_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);
};

// Collects from many calls the names of the blobs that failed.
class Failures {
 public:
  void Add(const BlobName& name) {
    absl::MutexLock lock(&mutex_);
    names_.insert(name);
  }
  absl::flat_hash_set<BlobName> Take() {
    absl::MutexLock lock(&mutex_);
    return std::move(names_);
  }

 private:
  absl::Mutex mutex_;
  absl::flat_hash_set<BlobName> names_ ABSL_GUARDED_BY(mutex_);
};

void AddToBatch(const OwnedBlob& blob, bool zstd,
                reapi::BatchUpdateBlobsRequest* request) {
  auto* entry = request->add_requests();
  blob.name.To(entry->mutable_digest());
  if (zstd && blob.bytes.size() >= kWorthCompressing) {
    std::string frame = Compress(blob.bytes);
    if (!frame.empty() && frame.size() < blob.bytes.size()) {
      entry->set_data(std::move(frame));
      entry->set_compressor(reapi::Compressor::ZSTD);
      return;
    }
  }
  entry->set_data(blob.bytes);
}

absl::Status FailedOfBatch(const reapi::BatchUpdateBlobsResponse& response,
                           Failures* failures) {
  absl::Status first;
  for (const auto& blob : response.responses()) {
    if (blob.status().code() == 0) continue;
    const auto name = BlobName::From(blob.digest());
    if (name.ok()) failures->Add(*name);
    if (first.ok()) {
      first = absl::Status(static_cast<absl::StatusCode>(blob.status().code()),
                           blob.status().message());
    }
  }
  return first;
}

}  // namespace

uint64_t Upload::bytes() const {
  uint64_t sum = 0;
  for (const OwnedBlob& blob : blobs) sum += blob.bytes.size();
  return sum;
}

Uploader::Uploader(UploaderOptions options, Reapi* reapi,
                   store::Counters* counters, util::Log* log)
    : options_(std::move(options)),
      reapi_(reapi),
      counters_(counters),
      log_(log),
      breaker_(kFailuresToOpen, kFirstPause, kLongestPause),
      thread_([this] { Loop(); }) {}

Uploader::~Uploader() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

bool Uploader::HasRoom(uint64_t bytes) {
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.size() + in_round_ < options_.max_uploads &&
        bytes_ + bytes <= options_.max_bytes) {
      return true;
    }
  }
  counters_->Add(Counter::kRemoteUploadsDropped);
  return false;
}

void Uploader::Add(Upload upload) {
  const uint64_t bytes = upload.bytes();
  absl::MutexLock lock(&mutex_);
  bytes_ += bytes;
  waiting_.push_back(std::move(upload));
}

bool Uploader::Finish(absl::Duration limit) {
  const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return waiting_.empty() && in_round_ == 0;
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&done), limit);
}

Uploader::Round Uploader::TakeRound() {
  Round round;
  uint64_t bytes = 0;
  while (!waiting_.empty() && round.size() < kRoundUploads &&
         (round.empty() || bytes < kRoundBytes)) {
    bytes += waiting_.front().bytes();
    round.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  in_round_ = static_cast<uint32_t>(round.size());
  return round;
}

void Uploader::Loop() {
  const auto awake = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !waiting_.empty();
  };
  while (true) {
    Round round;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(&awake));
      if (stopping_) return;
      round = TakeRound();
    }
    Send(round);
    uint64_t bytes = 0;
    for (const Upload& upload : round) bytes += upload.bytes();
    round.clear();
    absl::MutexLock lock(&mutex_);
    bytes_ -= bytes;
    in_round_ = 0;
  }
}

void Uploader::Send(const Round& round) {
  if (!breaker_.Admits(absl::Now())) {
    counters_->Add(Counter::kRemoteUploadsDropped, round.size());
    return;
  }
  Blobs blobs;
  for (const Upload& upload : round) {
    for (const OwnedBlob& blob : upload.blobs) blobs.emplace(blob.name, &blob);
  }
  absl::Status error;
  uint64_t arrived = 0;
  const absl::StatusOr<Blobs> missing = FindMissing(std::move(blobs));
  if (missing.ok()) {
    const Names failed = SendBlobs(*missing, &error);
    arrived = SendResults(round, failed, &error);
  } else {
    error = missing.status();
  }
  counters_->Add(Counter::kRemoteUploads, arrived);
  counters_->Add(Counter::kRemoteUploadFailures, round.size() - arrived);
  if (error.ok()) {
    breaker_.Succeeded();
  } else if (breaker_.Failed(absl::Now())) {
    counters_->Add(Counter::kRemoteBreakerOpened);
    log_->Warning(absl::StrCat("remote cache: no uploads for a while: ",
                               error.ToString()));
  }
}

absl::StatusOr<Uploader::Blobs> Uploader::FindMissing(Blobs blobs) {
  reapi::FindMissingBlobsRequest request;
  for (const auto& [name, blob] : blobs) name.To(request.add_blob_digests());
  Calls calls;
  reapi::FindMissingBlobsResponse answer;
  calls.Begin();
  reapi_->FindMissingBlobs(
      std::move(request), DeadlineFor(0),
      [&](const absl::Status& status, reapi::FindMissingBlobsResponse got) {
        answer = std::move(got);
        calls.End(status);
      });
  RETURN_IF_ERROR(calls.Wait());
  Blobs missing;
  for (const reapi::Digest& digest : answer.missing_blob_digests()) {
    const auto name = BlobName::From(digest);
    if (!name.ok()) continue;
    const auto blob = blobs.find(*name);
    if (blob != blobs.end()) missing.insert(*blob);
  }
  return missing;
}

Uploader::Names Uploader::SendBlobs(const Blobs& blobs,
                                    absl::Status* first_error) {
  const ServerLimits limits = options_.limits();
  Calls calls;
  Failures failures;
  // The frames must live as long as the calls that send them.
  std::deque<std::string> frames;
  std::vector<const OwnedBlob*> batch;
  uint64_t batch_bytes = 0;
  const auto flush = [&] {
    if (batch.empty()) return;
    reapi::BatchUpdateBlobsRequest request;
    for (const OwnedBlob* blob : batch) {
      AddToBatch(*blob, limits.zstd_batch_update, &request);
    }
    calls.Begin();
    reapi_->BatchUpdateBlobs(
        std::move(request), DeadlineFor(batch_bytes),
        [&calls, &failures, sent = std::move(batch)](
            const absl::Status& status,
            const reapi::BatchUpdateBlobsResponse& response) {
          if (!status.ok()) {
            for (const OwnedBlob* blob : sent) failures.Add(blob->name);
          }
          calls.End(status.ok() ? FailedOfBatch(response, &failures) : status);
        });
    batch.clear();
    batch_bytes = 0;
  };
  for (const auto& [name, blob] : blobs) {
    const uint64_t bytes = name.size + kBatchEntryBytes;
    if (bytes > limits.max_batch_bytes) {
      absl::string_view plain = blob->bytes;
      // A server's ByteStream either compresses both reads and writes, or
      // neither.
      if (limits.zstd_read) plain = frames.emplace_back(Compress(plain));
      calls.Begin();
      reapi_->Write(name, limits.zstd_read, plain, DeadlineFor(name.size),
                    [&calls, &failures, name = name](const absl::Status& s) {
                      if (!s.ok()) failures.Add(name);
                      calls.End(s);
                    });
      continue;
    }
    if (batch_bytes + bytes > limits.max_batch_bytes) flush();
    batch.push_back(blob);
    batch_bytes += bytes;
  }
  flush();
  *first_error = calls.Wait();
  return failures.Take();
}

uint64_t Uploader::SendResults(const Round& round, const Names& failed,
                               absl::Status* first_error) {
  Calls calls;
  std::atomic<uint64_t> arrived{0};
  for (const Upload& upload : round) {
    const bool whole = std::none_of(
        upload.blobs.begin(), upload.blobs.end(),
        [&](const OwnedBlob& blob) { return failed.contains(blob.name); });
    if (!whole) continue;
    reapi::UpdateActionResultRequest request;
    upload.action.To(request.mutable_action_digest());
    *request.mutable_action_result() = upload.result;
    calls.Begin();
    reapi_->UpdateActionResult(
        std::move(request), DeadlineFor(0),
        [&](const absl::Status& status, const reapi::ActionResult&) {
          if (status.ok()) ++arrived;
          calls.End(status);
        });
  }
  const absl::Status error = calls.Wait();
  if (first_error->ok()) *first_error = error;
  return arrived;
}

absl::Time Uploader::DeadlineFor(uint64_t bytes) const {
  return absl::Now() + kAnswerLimit +
         absl::Seconds(static_cast<double>(bytes) /
                       static_cast<double>(options_.min_rate));
}

}  // namespace btfd::daemon::remote
