// SPDX-License-Identifier: Apache-2.0
//
// Hands results on in the background. What is to go is bounded in bytes and in
// number; beyond that it is dropped, and the next host computes it. A thread
// works in rounds over many results at once: ask which blobs are missing, send
// those, and only then the ActionResults whose blobs have all arrived.
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
  uint64_t min_rate = 0;  // bytes a second: grants time beyond kAnswerLimit
  std::function<ServerLimits()> limits;
};

// Thread-safe. What is given must outlive it.
class Uploader {
 public:
  Uploader(UploaderOptions options, Reapi* reapi, store::Counters* counters,
           util::Log* log);
  // Drops what has not begun; what has is waited for.
  ~Uploader();

  // Whether an upload of that many bytes has room now; counts a drop if not.
  bool HasRoom(uint64_t bytes);
  void Add(Upload upload);
  // True once nothing is left; false if that takes longer.
  bool Finish(absl::Duration limit);

 private:
  using Round = std::vector<Upload>;
  using Blobs = absl::flat_hash_map<BlobName, const OwnedBlob*>;
  using Names = absl::flat_hash_set<BlobName>;

  void Loop();
  Round TakeRound() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(const Round& round);
  // What the server lacks of `blobs`.
  absl::StatusOr<Blobs> FindMissing(Blobs blobs);
  // The names of those that could not be sent.
  Names SendBlobs(const Blobs& blobs, absl::Status* first_error);
  // The number of those that arrived.
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
