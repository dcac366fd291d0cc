// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/blob_reader.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "daemon/remote_cache/compression.h"

namespace btfd::daemon::remote {

namespace {

// Batch calls under way. With fewer, a line with a long delay would be idle at
// times; with more, no blobs would be collected.
constexpr uint32_t kMaxBatches = 4;
// Blobs in one call. In a larger call the first blob would wait for the last
// one.
constexpr size_t kMaxBatchBlobs = 128;
// The number of calls that read one large blob.
constexpr uint64_t kStreams = 3;

absl::StatusOr<std::string> Unpack(const BlobName& name,
                                   reapi::Compressor::Value compressor,
                                   std::string bytes) {
  if (compressor == reapi::Compressor::ZSTD) {
    std::string plain(name.size, '\0');
    const absl::Status status = Decompress(bytes, &plain[0], plain.size());
    if (!status.ok()) return status;
    bytes = std::move(plain);
  }
  if (name.Names(bytes)) return bytes;
  return absl::DataLossError(
      absl::StrCat("blob ", name.digest.hex(), " is not what its digest says"));
}

}  // namespace

struct BlobReader::Order {
  absl::Mutex mutex;
  absl::Time deadline;
  std::vector<std::string> blobs ABSL_GUARDED_BY(mutex);
  size_t missing ABSL_GUARDED_BY(mutex) = 0;
  absl::Status status ABSL_GUARDED_BY(mutex);  // the first error
  Done done;
};

struct BlobReader::Batch {
  std::vector<Item> items;
  absl::flat_hash_map<BlobName, size_t> wanted_by;  // by how many items
};

void BlobReader::Fetch(const std::vector<BlobName>& names,
                       const ServerLimits& limits, absl::Time deadline,
                       Done done) {
  if (names.empty()) {
    done(std::vector<std::string>());
    return;
  }
  auto order = std::make_shared<Order>();
  order->deadline = deadline;
  order->done = std::move(done);
  {
    absl::MutexLock lock(&order->mutex);
    order->blobs.resize(names.size());
    order->missing = names.size();
  }
  std::vector<Item> large;
  {
    absl::MutexLock lock(&mutex_);
    limits_ = limits;
    for (size_t i = 0; i < names.size(); ++i) {
      Item item = {names[i], order, i};
      if (names[i].size + kBatchEntryBytes > limits.max_batch_bytes) {
        large.push_back(std::move(item));
      } else {
        waiting_.push_back(std::move(item));
      }
    }
  }
  for (Item& item : large) Stream(std::move(item), limits);
  SendBatches();
}

std::vector<BlobReader::Item> BlobReader::TakeBatch() {
  std::vector<Item> items;
  if (batches_ >= kMaxBatches) return items;
  uint64_t bytes = 0;
  while (!waiting_.empty() && items.size() < kMaxBatchBlobs) {
    bytes += waiting_.front().name.size + kBatchEntryBytes;
    if (!items.empty() && bytes > limits_.max_batch_bytes) break;
    items.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (!items.empty()) ++batches_;
  return items;
}

void BlobReader::SendBatches() {
  while (true) {
    std::vector<Item> items;
    {
      absl::MutexLock lock(&mutex_);
      items = TakeBatch();
    }
    if (items.empty()) return;
    SendBatch(std::move(items));
  }
}

void BlobReader::SendBatch(std::vector<Item> items) {
  auto batch = std::make_shared<Batch>();
  batch->items = std::move(items);
  reapi::BatchReadBlobsRequest request;
  absl::Time deadline = absl::InfinitePast();
  for (const Item& item : batch->items) {
    if (++batch->wanted_by[item.name] == 1) item.name.To(request.add_digests());
    deadline = std::max(deadline, item.order->deadline);
  }
  {
    absl::MutexLock lock(&mutex_);
    if (limits_.zstd_read) {
      request.add_acceptable_compressors(reapi::Compressor::ZSTD);
    }
  }
  reapi_->BatchReadBlobs(std::move(request), deadline,
                         [this, batch](const absl::Status& status,
                                       reapi::BatchReadBlobsResponse response) {
                           OnBatch(batch, status, std::move(response));
                         });
}

void BlobReader::OnBatch(std::shared_ptr<Batch> batch,
                         const absl::Status& status,
                         reapi::BatchReadBlobsResponse response) {
  {
    absl::MutexLock lock(&mutex_);
    --batches_;
  }
  // The next call is under way while the blobs of this one are checked.
  SendBatches();
  // A server may send the responses in any order, and may send one response for
  // two equal names.
  absl::flat_hash_map<BlobName, reapi::BatchReadBlobsResponse::Response*> found;
  for (auto& blob : *response.mutable_responses()) {
    const absl::StatusOr<BlobName> name = BlobName::From(blob.digest());
    if (name.ok()) found[*name] = &blob;
  }
  for (size_t i = 0; i < batch->items.size(); ++i) {
    const Item& item = batch->items[i];
    const auto blob = found.find(item.name);
    if (!status.ok()) {
      Deliver(item, status);
    } else if (blob == found.end()) {
      Deliver(item, absl::NotFoundError("no answer for a blob"));
    } else if (blob->second->status().code() != 0) {
      Deliver(item, absl::Status(static_cast<absl::StatusCode>(
                                     blob->second->status().code()),
                                 blob->second->status().message()));
    } else {
      std::string bytes = --batch->wanted_by[item.name] > 0
                              ? blob->second->data()
                              : std::move(*blob->second->mutable_data());
      Deliver(item,
              Unpack(item.name, blob->second->compressor(), std::move(bytes)));
    }
  }
}

void BlobReader::Stream(Item item, const ServerLimits& limits) {
  if (limits.zstd_read) {
    StreamFrames(std::move(item));
    return;
  }
  // The blob is read in parts at the same time. The server reads and sends them
  // side by side, and a line with a long delay carries more than one call's
  // window.
  struct Parts {
    std::string bytes;
    absl::Mutex mutex;
    size_t open ABSL_GUARDED_BY(mutex) = 0;
    absl::Status status ABSL_GUARDED_BY(mutex);
  };
  auto parts = std::make_shared<Parts>();
  parts->bytes.resize(item.name.size);
  const uint64_t size = item.name.size;
  const uint64_t part_size = (size + kStreams - 1) / kStreams;
  {
    absl::MutexLock lock(&parts->mutex);
    parts->open = kStreams;
  }
  for (uint64_t i = 0; i < kStreams; ++i) {
    const uint64_t begin = std::min(i * part_size, size);
    const uint64_t end = std::min(begin + part_size, size);
    auto filled = std::make_shared<uint64_t>(begin);
    reapi_->Read(
        item.name, /*zstd=*/false, {begin, end - begin}, item.order->deadline,
        [parts, filled, end](absl::string_view chunk) {
          if (chunk.size() > end - *filled) return false;
          chunk.copy(&parts->bytes[*filled], chunk.size());
          *filled += chunk.size();
          return true;
        },
        [parts, filled, end, item](absl::Status status) {
          if (status.ok() && *filled != end) {
            status = absl::DataLossError("a blob that ends early");
          }
          {
            absl::MutexLock lock(&parts->mutex);
            if (parts->status.ok()) parts->status = status;
            if (--parts->open > 0) return;
            status = parts->status;
          }
          if (status.ok()) {
            Deliver(item, Unpack(item.name, reapi::Compressor::IDENTITY,
                                 std::move(parts->bytes)));
          } else {
            Deliver(item, status);
          }
        });
  }
}

void BlobReader::StreamFrames(Item item) {
  // Compressed frames may be a little larger than the bytes in them.
  const uint64_t most = item.name.size + item.name.size / 64 + kBatchEntryBytes;
  auto bytes = std::make_shared<std::string>();
  const absl::Time deadline = item.order->deadline;
  const BlobName name = item.name;
  reapi_->Read(
      name, /*zstd=*/true, {}, deadline,
      [bytes, most](absl::string_view chunk) {
        if (chunk.size() > most - bytes->size()) return false;
        bytes->append(chunk.data(), chunk.size());
        return true;
      },
      [bytes, item = std::move(item)](const absl::Status& status) {
        if (!status.ok()) {
          Deliver(item, status);
          return;
        }
        Deliver(item,
                Unpack(item.name, reapi::Compressor::ZSTD, std::move(*bytes)));
      });
}

void BlobReader::Deliver(const Item& item, absl::StatusOr<std::string> bytes) {
  Order& order = *item.order;
  absl::StatusOr<std::vector<std::string>> result;
  {
    absl::MutexLock lock(&order.mutex);
    if (bytes.ok()) {
      order.blobs[item.place] = *std::move(bytes);
    } else if (order.status.ok()) {
      order.status = bytes.status();
    }
    if (--order.missing > 0) return;
    if (order.status.ok()) {
      result = std::move(order.blobs);
    } else {
      result = order.status;
    }
  }
  order.done(std::move(result));
}

}  // namespace btfd::daemon::remote
