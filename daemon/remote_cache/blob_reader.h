// SPDX-License-Identifier: Apache-2.0
//
// BlobReader fetches blobs for many lookups at once. While the allowed number
// of batch calls is under way, further names are collected, and the next call
// asks for all of them. So a line with a long delay carries many blobs in each
// round trip, and a fast line needs few calls. A blob that is too large for a
// batch is fetched by ByteStream. Each blob is checked against its name before
// a caller gets it.
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

// Thread-safe. Destroy the Reapi first: its calls end in this object.
class BlobReader {
 public:
  // Gets the blobs in the order of the names. NotFound if a blob is not there,
  // DataLoss if its bytes do not fit its name, else the error of the call.
  using Done = std::function<void(absl::StatusOr<std::vector<std::string>>)>;

  explicit BlobReader(Reapi* reapi) : reapi_(reapi) {}

  // Never blocks. Calls `done` once, on any thread.
  void Fetch(const std::vector<BlobName>& names, const ServerLimits& limits,
             absl::Time deadline, Done done);

 private:
  struct Order;  // one call of Fetch()
  struct Item {  // one blob of an Order
    BlobName name;
    std::shared_ptr<Order> order;
    size_t place = 0;
  };
  struct Batch;

  // Takes the blobs for the next call; empty if no call is to be made now.
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
