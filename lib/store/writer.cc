// SPDX-License-Identifier: Apache-2.0
#include "lib/store/writer.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "lib/store/bases.h"
#include "lib/store/results.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

namespace {
// Uses alone are not urgent: they wait this many times as long.
constexpr int kUsesDelayFactor = 25;
constexpr absl::Duration kPauseAfterError = absl::Seconds(5);
// Most entries of one kind in a batch. Bounds a flood of tiny entries.
constexpr size_t kMaxEntries = 65536;
// Results that are deleted in one transaction. It takes some milliseconds.
constexpr int kEvictionStep = 64;
// This many free pages are always kept for later puts. Beyond them, up to a
// quarter of the file may be free.
constexpr int64_t kFreePagesKept = 1024;
}  // namespace

bool Writer::Batch::empty() const {
  return only_uses() && result_uses.empty() && base_uses.empty();
}

bool Writer::Batch::only_uses() const {
  return results.empty() && file_keys.empty() && counters.empty() &&
         !evict_bases;
}

Writer::Writer(Session* session, const StoreOptions& options)
    : session_(session),
      max_result_bytes_(options.max_result_bytes),
      max_base_bytes_(options.max_base_bytes),
      max_file_keys_(options.max_file_keys),
      max_pending_bytes_(options.max_pending_bytes),
      delay_(options.write_delay),
      counters_(options.counters),
      gathering_(std::make_shared<Batch>()),
      thread_([this] { Loop(); }) {}

Writer::~Writer() {
  {
    const absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

int64_t Writer::UseTime() {
  const int64_t now = absl::ToUnixMicros(absl::Now());
  const absl::MutexLock lock(&mutex_);
  return last_use_ = std::max(now, last_use_ + 1);
}

bool Writer::PutResult(const util::Digest& key, std::string value,
                       std::string request) {
  PendingResult fresh;
  fresh.used = UseTime();
  fresh.value = std::make_shared<const std::string>(std::move(value));
  fresh.request = std::make_shared<const std::string>(std::move(request));
  const absl::MutexLock lock(&mutex_);
  const uint64_t pending =
      gathering_->bytes + (writing_ == nullptr ? 0 : writing_->bytes);
  const auto fits = [&] {
    return fresh.bytes() <= max_pending_bytes_ &&
           pending <= max_pending_bytes_ - fresh.bytes();
  };
  if (!fits()) fresh.request = std::make_shared<const std::string>();
  if (!fits() || gathering_->results.size() >= kMaxEntries) {
    if (counters_ != nullptr) counters_->Add(Counter::kStorePutsDropped);
    return false;
  }
  PendingResult& entry = gathering_->results[key];
  gathering_->bytes -= entry.bytes();
  entry = std::move(fresh);
  gathering_->bytes += entry.bytes();
  return true;
}

absl::optional<Writer::PendingResult> Writer::FindResult(
    const util::Digest& key) const {
  const absl::MutexLock lock(&mutex_);
  const Batch* const batches[] = {gathering_.get(), writing_.get()};
  for (const Batch* batch : batches) {
    if (batch == nullptr) continue;
    const auto found = batch->results.find(key);
    if (found != batch->results.end()) return found->second;
  }
  return absl::nullopt;
}

void Writer::RemoveResult(const util::Digest& key) {
  const absl::MutexLock lock(&mutex_);
  PendingResult& entry = gathering_->results[key];
  gathering_->bytes -= entry.bytes();
  entry = PendingResult();
}

void Writer::DropPendingResults() {
  const absl::MutexLock lock(&mutex_);
  gathering_->results.clear();
  gathering_->bytes = 0;
}

void Writer::UseResult(const util::Digest& key) {
  const int64_t now = UseTime();
  const absl::MutexLock lock(&mutex_);
  if (gathering_->result_uses.size() < kMaxEntries) {
    gathering_->result_uses[key] = now;
  }
}

void Writer::UseBase(const util::Digest& digest) {
  const int64_t now = UseTime();
  const absl::MutexLock lock(&mutex_);
  if (gathering_->base_uses.size() < kMaxEntries) {
    gathering_->base_uses[digest] = now;
  }
}

void Writer::BasesGrew() {
  const absl::MutexLock lock(&mutex_);
  gathering_->evict_bases = true;
}

void Writer::PutFileKey(const FileKey& key, const util::Digest& digest) {
  const absl::MutexLock lock(&mutex_);
  if (gathering_->file_keys.size() < kMaxEntries) {
    gathering_->file_keys[key] = digest;
  }
}

absl::optional<util::Digest> Writer::FindFileKey(const FileKey& key) const {
  const absl::MutexLock lock(&mutex_);
  const Batch* const batches[] = {gathering_.get(), writing_.get()};
  for (const Batch* batch : batches) {
    if (batch == nullptr) continue;
    const auto found = batch->file_keys.find(key);
    if (found != batch->file_keys.end()) return found->second;
  }
  return absl::nullopt;
}

void Writer::AddCounters(const std::map<std::string, uint64_t>& deltas) {
  const absl::MutexLock lock(&mutex_);
  for (const auto& [name, delta] : deltas) {
    if (delta != 0 && FindCounter(name).has_value()) {
      gathering_->counters[name] += delta;
    }
  }
}

void Writer::AddPendingCounters(
    std::map<std::string, uint64_t>* counters) const {
  const absl::MutexLock lock(&mutex_);
  const Batch* const batches[] = {gathering_.get(), writing_.get()};
  for (const Batch* batch : batches) {
    if (batch == nullptr) continue;
    for (const auto& [name, delta] : batch->counters) {
      (*counters)[name] += delta;
    }
  }
}

absl::Status Writer::Flush() {
  const absl::MutexLock lock(&mutex_);
  // All that is gathered now will be in the next batch.
  const uint64_t target = taken_ + 1;
  ++flushing_;
  const auto written = [this, target]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return written_ >= target;
  };
  mutex_.Await(absl::Condition(&written));
  --flushing_;
  return std::exchange(first_error_, absl::OkStatus());
}

bool Writer::HasWork() const { return !gathering_->empty() || IsUrgent(); }

bool Writer::IsUrgent() const {
  return stop_ || flushing_ > 0 || gathering_->bytes > max_pending_bytes_ / 2;
}

bool Writer::IsWorthACommit() const {
  return !gathering_->only_uses() || IsUrgent();
}

bool Writer::stopping() const {
  const absl::MutexLock lock(&mutex_);
  return stop_;
}

void Writer::Loop() {
  bool stopping = false;
  while (!stopping) {
    std::shared_ptr<const Batch> batch;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Writer::HasWork));
      // If there are only uses, wait longer, until there is something else.
      mutex_.AwaitWithTimeout(absl::Condition(this, &Writer::IsWorthACommit),
                              kUsesDelayFactor * delay_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &Writer::IsUrgent),
                              std::max(delay_, pause_));
      stopping = stop_;
      batch = writing_ = std::exchange(gathering_, std::make_shared<Batch>());
      ++taken_;
    }
    absl::Status status = WriteBatch(*batch);
    if (status.ok() && !stopping) status = Evict(*batch);
    pause_ = status.ok() ? absl::ZeroDuration() : kPauseAfterError;
    const absl::MutexLock lock(&mutex_);
    first_error_.Update(status);
    ++written_;
  }
}

absl::Status Writer::WriteBatch(const Batch& batch) {
  session_->CheckStillThere();
  PackedRequests packed;
  for (const auto& [key, result] : batch.results) {
    if (result.value != nullptr) packed[key] = PackRequest(*result.request);
  }
  absl::Status status = absl::OkStatus();
  if (!batch.empty()) {
    status = session_->Write([&](Connection* connection) {
      absl::Status rows = WriteRows(connection, batch, packed);
      // The connection is still ours. So GetCounters() counts each delta once.
      if (rows.ok()) ForgetBatch(/*written=*/true);
      return rows;
    });
  }
  ForgetBatch(status.ok());
  return status;
}

absl::Status Writer::WriteRows(Connection* connection, const Batch& batch,
                               const PackedRequests& packed) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  for (const auto& [key, result] : batch.results) {
    if (result.value == nullptr) {
      RETURN_IF_ERROR(WriteResultRemoval(connection, key));
      continue;
    }
    const std::string& request = packed.at(key);
    RETURN_IF_ERROR(
        WriteResult(connection, key, *result.value, request, result.used));
    result_bytes_ += result.value->size() + request.size() + kResultOverhead;
  }
  for (const auto& [key, when] : batch.result_uses) {
    RETURN_IF_ERROR(WriteResultUse(connection, key, when));
  }
  for (const auto& [digest, when] : batch.base_uses) {
    RETURN_IF_ERROR(WriteBaseUse(connection, digest, when));
  }
  for (const auto& [key, digest] : batch.file_keys) {
    RETURN_IF_ERROR(
        WriteFileKey(connection, key, digest, absl::ToUnixMicros(absl::Now())));
  }
  if (!batch.file_keys.empty()) {
    RETURN_IF_ERROR(WriteFileKeyLimit(connection, max_file_keys_));
  }
  for (const auto& [name, delta] : batch.counters) {
    RETURN_IF_ERROR(WriteCounter(connection, name, delta));
  }
  return transaction.Commit();
}

void Writer::ForgetBatch(bool written) {
  const absl::MutexLock lock(&mutex_);
  if (writing_ == nullptr) return;
  if (!written) {
    for (const auto& [name, delta] : writing_->counters) {
      gathering_->counters[name] += delta;
    }
  }
  writing_ = nullptr;
}

absl::Status Writer::Evict(const Batch& batch) {
  if (!batch.results.empty()) RETURN_IF_ERROR(EvictResultsInSteps());
  if (batch.evict_bases) RETURN_IF_ERROR(EvictBasesInSteps());
  return GiveBackPages();
}

absl::Status Writer::EvictResultsInSteps() {
  const int generation = session_->generation();
  if (generation == counted_generation_ && result_bytes_ <= max_result_bytes_) {
    return absl::OkStatus();
  }
  // The sum is too large if results were replaced or another process evicted
  // some. It is too small if another process put some. So count anew.
  ASSIGN_OR_RETURN(result_bytes_, session_->Read(ResultBytes));
  counted_generation_ = generation;
  if (result_bytes_ <= max_result_bytes_) return absl::OkStatus();
  // Evicts more than needed, so that the next eviction is not due at once.
  const uint64_t goal = max_result_bytes_ - max_result_bytes_ / 16;
  while (result_bytes_ > goal && !stopping()) {
    const uint64_t excess = result_bytes_ - goal;
    ASSIGN_OR_RETURN(const Evicted evicted,
                     session_->Write([excess](Connection* connection) {
                       return EvictResults(connection, excess, kEvictionStep);
                     }));
    if (evicted.results == 0) break;
    result_bytes_ -= std::min(result_bytes_, evicted.bytes);
    if (counters_ != nullptr) {
      counters_->Add(Counter::kStoreResultsEvicted, evicted.results);
    }
  }
  return absl::OkStatus();
}

absl::Status Writer::EvictBasesInSteps() {
  while (!stopping()) {
    ASSIGN_OR_RETURN(const bool evicted,
                     session_->Write([this](Connection* connection) {
                       return EvictOneBase(connection, max_base_bytes_);
                     }));
    if (!evicted) break;
    if (counters_ != nullptr) counters_->Add(Counter::kStoreBasesEvicted);
  }
  return absl::OkStatus();
}

absl::Status Writer::GiveBackPages() {
  return session_->Write([](Connection* connection) -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t free,
                     connection->RunForInt("PRAGMA freelist_count"));
    if (free <= kFreePagesKept) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t all,
                     connection->RunForInt("PRAGMA page_count"));
    if (free <= all / 4) return absl::OkStatus();
    return connection->Run("PRAGMA incremental_vacuum(256)");  // 4 MB
  });
}

}  // namespace btfd::store
