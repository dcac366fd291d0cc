// SPDX-License-Identifier: Apache-2.0
//
// Fetches blobs, many lookups' at once: while a few batch calls are under way,
// what else is wanted gathers, and the next call takes all of it. So a slow
// line carries many blobs a round trip, and a fast one pays for few calls. What
// is too large for a batch goes by ByteStream. Each blob is checked against its
// name before anybody sees it.
#ifndef BTFD_DAEMON_REMOTE_CACHE_BLOB_READER_H_
#define BTFD_DAEMON_REMOTE_CACHE_BLOB_READER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/remote_cache/blob_name.h"
#include "daemon/remote_cache/reapi.h"
#include "daemon/remote_cache/server_limits.h"

namespace btfd::daemon::remote {

// Thread-safe. The Reapi must be destroyed first: its calls end here.
class BlobReader {
 public:
  // In the order of the names. NotFound if a blob is not there, DataLoss if it
  // is not what its name says, else the call's error.
  using Done = std::function<void(absl::StatusOr<std::vector<std::string>>)>;

  explicit BlobReader(Reapi* reapi) : reapi_(reapi) {}

  // Never blocks. `done` is called once, on any thread.
  void Fetch(const std::vector<BlobName>& names, const ServerLimits& limits,
             absl::Time deadline, Done done);

 private:
  struct Order;  // one Fetch
  struct Item {  // one blob of it
    BlobName name;
    std::shared_ptr<Order> order;
    size_t place = 0;
  };
  struct Batch;

  // Takes what is to go into the next call; empty if none is to be made now.
  std::vector<Item> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendBatches();
  void SendBatch(std::vector<Item> items);
  void OnBatch(std::shared_ptr<Batch> batch, const absl::Status& status,
               reapi::BatchReadBlobsResponse response);
  void Stream(Item item, const ServerLimits& limits);
  void StreamFrames(Item item);
  static void Deliver(const Item& item, absl::StatusOr<std::string> bytes);

  Reapi* const reapi_;
  absl::Mutex mutex_;
  ServerLimits limits_ ABSL_GUARDED_BY(mutex_);
  std::deque<Item> waiting_ ABSL_GUARDED_BY(mutex_);
  uint32_t batches_ ABSL_GUARDED_BY(mutex_) = 0;  // under way
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_BLOB_READER_H_
