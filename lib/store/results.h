// SPDX-License-Identifier: Apache-2.0
//
// The tables of results, file keys and counters. Functions named Write... are
// parts of the writer's transaction; the others are complete by themselves.
#ifndef BTFD_LIB_STORE_RESULTS_H_
#define BTFD_LIB_STORE_RESULTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/store/sqlite.h"
#include "lib/store/store.h"
#include "lib/util/digest.h"

namespace btfd::store {

struct StoredResult {
  std::string value;
  int64_t id = 0;
  std::string checksum;  // as stored
  bool intact = false;   // it is the value's checksum
};

// What a result weighs besides its value and request: rows, keys and indexes.
inline constexpr uint64_t kResultOverhead = 256;

// Times are those of UseClock: microseconds. `packed_request` is as
// PackRequest() made it; empty: none.
absl::Status WriteResult(Connection* connection, const util::Digest& key,
                         absl::string_view value,
                         absl::string_view packed_request, int64_t now);
absl::Status WriteResultUse(Connection* connection, const util::Digest& key,
                            int64_t when);
// NotFound if there is none.
absl::StatusOr<StoredResult> ReadResult(Connection* connection,
                                        const util::Digest& key);
// Deletes what ReadResult found damaged, unless it was replaced since.
absl::Status DeleteDamagedResult(Connection* connection,
                                 const StoredResult& damaged);
// OK if there is none.
absl::Status WriteResultRemoval(Connection* connection,
                                const util::Digest& key);
// Bytes of all values and requests.
absl::StatusOr<uint64_t> ResultBytes(Connection* connection);
absl::StatusOr<ResultStatistics> ReadResultStatistics(Connection* connection);
absl::StatusOr<std::vector<util::Digest>> ReadResultKeys(
    Connection* connection, const util::Digest* after, int limit);

// Requests are compressed (zstd), and off the connection, to hold it for less
// time. Empty for what is empty or cannot be compressed.
std::string PackRequest(absl::string_view request);
struct StoredRequest {
  std::string request;
  bool intact = false;
};
// NotFound if the result has none or is not there.
absl::StatusOr<StoredRequest> ReadRequest(Connection* connection,
                                          const util::Digest& key);

struct Evicted {
  uint64_t results = 0;
  uint64_t bytes = 0;
};
// Deletes results, those used longest ago first, until `bytes` are gone or
// `max_results` results.
absl::StatusOr<Evicted> EvictResults(Connection* connection, uint64_t bytes,
                                     int max_results);

absl::Status WriteFileKey(Connection* connection, const FileKey& key,
                          const util::Digest& digest, int64_t now);
// Leaves the youngest `max_keys`.
absl::Status WriteFileKeyLimit(Connection* connection, uint64_t max_keys);
struct StoredFileKey {
  util::Digest digest;
  bool intact = false;
};
// NotFound if there is none. A damaged row stays until the next put, which
// follows when the caller has found out the digest itself.
absl::StatusOr<StoredFileKey> ReadFileKey(Connection* connection,
                                          const FileKey& key);

absl::Status WriteCounter(Connection* connection, const std::string& name,
                          uint64_t delta);
absl::StatusOr<std::map<std::string, uint64_t>> ReadCounters(
    Connection* connection);

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_RESULTS_H_
