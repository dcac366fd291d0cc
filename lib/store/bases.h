// SPDX-License-Identifier: Apache-2.0
//
// The tables of bases: one row for each base, and one for each of its blobs
// (the raw .BTF bytes and the index blobs). Each function is one transaction.
#ifndef BTFD_LIB_STORE_BASES_H_
#define BTFD_LIB_STORE_BASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/store/sqlite.h"
#include "lib/store/store.h"
#include "lib/util/blob.h"
#include "lib/util/digest.h"

namespace btfd::store {

// Names a blob of a base. `part` is kRawPart (then `version` is 0) or an
// IndexPart.
inline constexpr int kRawPart = 0;
struct BlobName {
  util::Digest digest;
  int part = kRawPart;
  uint32_t version = 0;
};

struct StoredBlob {
  util::Blob blob;
  int64_t id = 0;
  int64_t base_id = 0;
  std::string checksum;  // as stored
  bool intact = false;   // whether it is the blob's checksum
};

// Times are those of Writer::UseTime(), in microseconds.
absl::Status PutBaseRow(Connection* connection, const util::Digest& digest,
                        absl::string_view raw, absl::string_view origin,
                        uint32_t types, int64_t now);
// NotFound if there is no such base.
absl::Status PutIndexBlob(Connection* connection, const BlobName& name,
                          absl::string_view blob);
// NotFound if there is no blob of that part and version.
absl::StatusOr<StoredBlob> ReadBaseBlob(Connection* connection,
                                        const BlobName& name);
// Deletes a blob that ReadBaseBlob() found damaged, unless it was replaced
// since. If it is the raw blob, the whole base is deleted.
absl::Status DeleteDamagedBlob(Connection* connection, const BlobName& name,
                               const StoredBlob& damaged);
absl::StatusOr<std::vector<BaseRecord>> ReadBases(Connection* connection);
// Also deletes the file keys that lead to the base. OK if there is no such
// base.
absl::Status DeleteBase(Connection* connection, const util::Digest& digest);
// If all bases together take more than `max_bytes`, deletes the one that was
// used longest ago, unless it is the only one. True if it deleted one.
absl::StatusOr<bool> EvictOneBase(Connection* connection, uint64_t max_bytes);
// Part of the writer's transaction.
absl::Status WriteBaseUse(Connection* connection, const util::Digest& digest,
                          int64_t when);

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_BASES_H_
