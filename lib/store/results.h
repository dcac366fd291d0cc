// SPDX-License-Identifier: Apache-2.0
//
// The tables of results, file keys and counters. A function with a name
// Write... is part of the writer's transaction; each other function is complete
// by itself.
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
  bool intact = false;   // whether it is the value's checksum
};

// What a result takes besides its value and request, in bytes: rows, keys and
// indexes.
inline constexpr uint64_t kResultOverhead = 256;

// Times are those of Writer::UseTime(), in microseconds. `packed_request` comes
// from PackRequest(); empty means that there is no request.
absl::Status WriteResult(Connection* connection, const util::Digest& key,
                         absl::string_view value,
                         absl::string_view packed_request, int64_t now);
absl::Status WriteResultUse(Connection* connection, const util::Digest& key,
                            int64_t when);
// NotFound if there is no such result.
absl::StatusOr<StoredResult> ReadResult(Connection* connection,
                                        const util::Digest& key);
// Deletes a result that ReadResult() found damaged, unless it was replaced
// since.
absl::Status DeleteDamagedResult(Connection* connection,
                                 const StoredResult& damaged);
// OK if there is no such result.
absl::Status WriteResultRemoval(Connection* connection,
                                const util::Digest& key);
// Bytes of all values and requests.
absl::StatusOr<uint64_t> ResultBytes(Connection* connection);
absl::StatusOr<ResultStatistics> ReadResultStatistics(Connection* connection);
absl::StatusOr<std::vector<util::Digest>> ReadResultKeys(
    Connection* connection, const util::Digest* after, int limit);

// Compresses a request with zstd. The caller does it before it takes the
// connection, which is then held for less time. Returns an empty string for an
// empty request, and for one that cannot be compressed.
std::string PackRequest(absl::string_view request);
struct StoredRequest {
  std::string request;
  bool intact = false;
};
// NotFound if there is no such result, or if it has no request.
absl::StatusOr<StoredRequest> ReadRequest(Connection* connection,
                                          const util::Digest& key);

struct Evicted {
  uint64_t results = 0;
  uint64_t bytes = 0;
};
// Deletes the results that were used longest ago, until `bytes` bytes or
// `max_results` results are gone.
absl::StatusOr<Evicted> EvictResults(Connection* connection, uint64_t bytes,
                                     int max_results);

absl::Status WriteFileKey(Connection* connection, const FileKey& key,
                          const util::Digest& digest, int64_t now);
// Deletes the oldest file keys, until `max_keys` are left.
absl::Status WriteFileKeyLimit(Connection* connection, uint64_t max_keys);
struct StoredFileKey {
  util::Digest digest;
  bool intact = false;
};
// NotFound if there is no such key. A damaged row stays until the next put of
// the key. The caller makes that put once it has computed the digest itself.
absl::StatusOr<StoredFileKey> ReadFileKey(Connection* connection,
                                          const FileKey& key);

absl::Status WriteCounter(Connection* connection, const std::string& name,
                          uint64_t delta);
absl::StatusOr<std::map<std::string, uint64_t>> ReadCounters(
    Connection* connection);

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_RESULTS_H_
