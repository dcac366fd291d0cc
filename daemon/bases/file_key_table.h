// SPDX-License-Identifier: Apache-2.0
//
// Which base a file holds. A client names a base by the file key of its file
// (store::FileKey), so that nobody reads the file on the hot path; this table
// gives the digest of the base. The store holds every key, and the table keeps
// the recent ones in memory.
#ifndef BTFD_DAEMON_BASES_FILE_KEY_TABLE_H_
#define BTFD_DAEMON_BASES_FILE_KEY_TABLE_H_

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "lib/store/store.h"
#include "lib/util/digest.h"
#include "lib/util/log.h"

namespace btfd::daemon {

// Thread-safe. Store and log must outlive it.
class FileKeyTable {
 public:
  // `store` may be null: keys are then known until the daemon ends.
  FileKeyTable(store::Store* store, util::Log* log)
      : store_(store), log_(log) {}

  // NotFound if the key is not bound, or if two clients bound it to different
  // digests.
  absl::StatusOr<util::Digest> Find(const store::FileKey& key);

  // `sample` is that of the base (BaseRegistry::SampleOf). InvalidArgument for
  // a key with another sample, unless the base's is empty: whatever the file
  // was when the key was made, it was not this base. And for a key that is
  // bound to another digest. Such a key gives no digest from then on: one of
  // the two clients was wrong, and the daemon does not know which.
  absl::Status Bind(const store::FileKey& key, const util::Digest& digest,
                    absl::string_view sample);

 private:
  // What Bind() has written: a digest, or all zeros for a contested key.
  absl::StatusOr<util::Digest> Lookup(const store::FileKey& key);
  void Remember(const store::FileKey& key, const util::Digest& digest);

  store::Store* const store_;
  util::Log* const log_;
  absl::Mutex mutex_;
  absl::flat_hash_map<store::FileKey, util::Digest> keys_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_BASES_FILE_KEY_TABLE_H_
