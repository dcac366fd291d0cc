// SPDX-License-Identifier: Apache-2.0
//
// Uploader uploads results in the background. The results that wait are bounded
// in bytes and number. Beyond these bounds a result is dropped, and the next
// host computes it again. A thread works in rounds of many results: it asks
// which blobs the server lacks, sends those, and then sends the ActionResults
// whose blobs have all arrived.
#ifndef BTFD_DAEMON_REMOTE_CACHE_UPLOADER_H_
#define BTFD_DAEMON_REMOTE_CACHE_UPLOADER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/remote_cache/action.h"
#include "daemon/remote_cache/breaker.h"
#include "daemon/remote_cache/reapi.h"
#include "daemon/remote_cache/server_limits.h"
#include "lib/store/counters.h"
#include "lib/util/log.h"

namespace btfd::daemon::remote {

struct Upload {
  BlobName action;
  reapi::ActionResult result;
  std::vector<OwnedBlob> blobs;  // what must be in the CAS before the result

  uint64_t bytes() const;
};

struct UploaderOptions {
  uint64_t max_bytes = 0;
  uint32_t max_uploads = 0;
  uint64_t min_rate = 0;  // bytes a second: gives more time than kAnswerLimit
  std::function<ServerLimits()> limits;
};

// Thread-safe. What the constructor gets must outlive it.
class Uploader {
 public:
  Uploader(UploaderOptions options, Reapi* reapi, store::Counters* counters,
           util::Log* log);
  // Drops the results whose round has not begun, and waits for the current
  // round.
  ~Uploader();

  // True if there is room for an upload of that many bytes. If not, counts it
  // as dropped.
  bool HasRoom(uint64_t bytes);
  void Add(Upload upload);
  // Waits until nothing is left to upload; false if that takes longer than
  // `limit`.
  bool Finish(absl::Duration limit);

 private:
  using Round = std::vector<Upload>;
  using Blobs = absl::flat_hash_map<BlobName, const OwnedBlob*>;
  using Names = absl::flat_hash_set<BlobName>;

  void Loop();
  Round TakeRound() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(const Round& round);
  // Returns those of `blobs` that the server lacks.
  absl::StatusOr<Blobs> FindMissing(Blobs blobs);
  // Returns the names of the blobs that could not be sent.
  Names SendBlobs(const Blobs& blobs, absl::Status* first_error);
  // Returns the number of results that arrived.
  uint64_t SendResults(const Round& round, const Names& failed,
                       absl::Status* first_error);
  absl::Time DeadlineFor(uint64_t bytes) const;

  const UploaderOptions options_;
  Reapi* const reapi_;
  store::Counters* const counters_;
  util::Log* const log_;
  Breaker breaker_;

  absl::Mutex mutex_;
  std::deque<Upload> waiting_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // waiting and in the round
  uint32_t in_round_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses the others
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_UPLOADER_H_
