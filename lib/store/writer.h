// SPDX-License-Identifier: Apache-2.0
//
// Writer gathers in memory what may be written later, and a thread of its own
// writes it in batches, one transaction each. So no request waits for a commit.
// Until a batch is committed, its content is found here. The same thread
// evicts, some rows in each transaction.
#ifndef BTFD_LIB_STORE_WRITER_H_
#define BTFD_LIB_STORE_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "lib/store/session.h"
#include "lib/store/store.h"
#include "lib/util/digest.h"

namespace btfd::store {

// Thread-safe. The session must outlive it.
class Writer {
 public:
  // Uses the limits, write_delay and counters of `options`.
  Writer(Session* session, const StoreOptions& options);
  // Writes everything that is pending.
  ~Writer();

  // A result that will be written; or, if `value` is null, one that will be
  // deleted.
  struct PendingResult {
    std::shared_ptr<const std::string> value;
    std::shared_ptr<const std::string> request;
    int64_t used = 0;
    uint64_t bytes() const {
      return value == nullptr ? 0 : value->size() + request->size();
    }
  };

  // False if it was dropped because the limit of pending bytes was reached.
  bool PutResult(const util::Digest& key, std::string value,
                 std::string request);
  // Returns nothing if no result of that key is pending.
  absl::optional<PendingResult> FindResult(const util::Digest& key) const;
  void RemoveResult(const util::Digest& key);
  // Forgets the pending results whose batch is not being written yet.
  void DropPendingResults();
  void UseResult(const util::Digest& key);
  void UseBase(const util::Digest& digest);
  // Bases were put: the thread looks whether others have to be evicted.
  void BasesGrew();

  void PutFileKey(const FileKey& key, const util::Digest& digest);
  absl::optional<util::Digest> FindFileKey(const FileKey& key) const;

  void AddCounters(const std::map<std::string, uint64_t>& deltas);
  // Adds the pending counters to `counters`, which were read in the same
  // Session::Write().
  void AddPendingCounters(std::map<std::string, uint64_t>* counters) const;

  // See Store::Flush().
  absl::Status Flush();

  // The time of a use: microseconds since the epoch, greater than any before.
  int64_t UseTime();

 private:
  struct Batch {
    absl::flat_hash_map<util::Digest, PendingResult> results;
    absl::flat_hash_map<util::Digest, int64_t> result_uses;
    absl::flat_hash_map<util::Digest, int64_t> base_uses;
    absl::flat_hash_map<FileKey, util::Digest> file_keys;
    std::map<std::string, uint64_t> counters;
    uint64_t bytes = 0;
    bool evict_bases = false;

    bool empty() const;
    // True if a crash may lose the batch: there are uses at most.
    bool only_uses() const;
  };

  using PackedRequests = absl::flat_hash_map<util::Digest, std::string>;

  void Loop();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsUrgent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsWorthACommit() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteBatch(const Batch& batch);
  absl::Status WriteRows(Connection* connection, const Batch& batch,
                         const PackedRequests& packed);
  // The batch is in the database, or it is lost except for its counters.
  void ForgetBatch(bool written);
  absl::Status Evict(const Batch& batch);
  absl::Status EvictResultsInSteps();
  absl::Status EvictBasesInSteps();
  absl::Status GiveBackPages();
  bool stopping() const;

  Session* const session_;
  const uint64_t max_result_bytes_;
  const uint64_t max_base_bytes_;
  const uint64_t max_file_keys_;
  const uint64_t max_pending_bytes_;
  const absl::Duration delay_;
  Counters* const counters_;

  mutable absl::Mutex mutex_;
  std::shared_ptr<Batch> gathering_ ABSL_GUARDED_BY(mutex_);
  // The batch that is being written, null if there is none. It does not change.
  std::shared_ptr<const Batch> writing_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  int flushing_ ABSL_GUARDED_BY(mutex_) = 0;      // callers in Flush()
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;    // batches begun
  uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;  // batches ended
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);
  int64_t last_use_ ABSL_GUARDED_BY(mutex_) = 0;

  // Used by the thread alone.
  absl::Duration pause_;         // after an error, before the next batch
  uint64_t result_bytes_ = 0;    // bytes in the database, by our count
  int counted_generation_ = -1;  // of the database that was counted

  std::thread thread_;  // last: it uses all the others
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_WRITER_H_
