// SPDX-License-Identifier: Apache-2.0
//
// What outlives a daemon: bases with their index blobs, file keys, cached
// results and counters, in one SQLite database. A cache: its content may be
// lost at any time (power, full disk, eviction), but what it returns is what
// was put; every blob carries an XXH3-128 checksum over its key and its bytes,
// verified by every read.
//
// Errors, of all calls: NotFound (not there), DataLoss (was there, damaged;
// deleted, or the whole file set aside), Unavailable (locked by another
// process), ResourceExhausted (disk full, out of memory), PermissionDenied
// (read-only), Internal. A caller treats each of them as a miss.
//
// Thread-safe. Readers never wait for a writer. Times are Unix seconds.
#ifndef BTFD_LIB_STORE_STORE_H_
#define BTFD_LIB_STORE_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "lib/store/counters.h"
#include "lib/util/blob.h"
#include "lib/util/digest.h"
#include "lib/util/log.h"

namespace btfd::store {

struct StoreOptions {
  // Made with mode 0700 if absent, parents too. Holds btfd.sqlite3 with its
  // journals, a .lock beside it, and after trouble btfd.sqlite3.aside-*. Must
  // be ours and not writable by others.
  std::string directory;
  // Beyond these the least recently used go, in small steps, off the callers'
  // threads. The base used last always stays; of file keys the
  // oldest go.
  uint64_t max_result_bytes = uint64_t{1} << 30;
  uint64_t max_base_bytes = uint64_t{1} << 30;
  uint64_t max_file_keys = 4096;
  // Memory for results that are not written yet; puts beyond it are dropped.
  uint64_t max_pending_bytes = uint64_t{32} << 20;
  // How long Open and writes wait for another process's lock.
  absl::Duration busy_timeout = absl::Milliseconds(500);
  // How long results, counters and uses are gathered before they are written.
  absl::Duration write_delay = absl::Milliseconds(200);
  // Both may be null, else they outlive the store. Counts the kStore* counters.
  util::Log* log = nullptr;
  Counters* counters = nullptr;
  // No WAL, as always on a network file system: readers then wait for writers.
  bool rollback_journal = false;
  // For tests: what statfs(2) would say of the directory's file system.
  absl::optional<int64_t> filesystem_type;
  // For tests: SQLite's limit of the file's size in pages (0: none).
  uint32_t max_page_count = 0;
};

// Names the content of a file of one machine: FileKey of proto/btfd.proto as
// text, in three parts.
struct FileKey {
  std::string file;   // which file; of the keys of one file the last one counts
  std::string state;  // which state of it
  std::string sample;  // of its content (lib/util/content_sample.h): bytes

  friend bool operator==(const FileKey& a, const FileKey& b) {
    return a.file == b.file && a.state == b.state && a.sample == b.sample;
  }
  template <typename H>
  friend H AbslHashValue(H h, const FileKey& key) {
    return H::combine(std::move(h), key.file, key.state, key.sample);
  }
};

// The two index blobs of a base: lib/btf/base.h and lib/btf/dedup_index.h.
enum class IndexPart { kCore = 1, kDedup = 2 };

struct BaseRecord {
  util::Digest digest;
  std::string origin;  // for people: where it was read from
  uint32_t types = 0;
  uint64_t raw_bytes = 0;
  uint64_t stored_bytes = 0;  // raw and index blobs
  int64_t last_used_unix = 0;
};

struct ResultStatistics {
  uint64_t results = 0;
  uint64_t bytes = 0;          // as counted against max_result_bytes
  uint64_t with_requests = 0;  // those that can be computed anew
};

class Store {
 public:
  // Opens or makes the database; milliseconds. A file that is damaged, foreign
  // or of another schema version is set aside under another name and a new one
  // made; so is a file whose damage shows later.
  static absl::StatusOr<std::unique_ptr<Store>> Open(StoreOptions options);
  // Writes what is pending.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Bases. Puts write at once, on the caller's thread, and replace. An index
  // blob is found only under the version it was put with; PutBaseIndex gives
  // NotFound if the base is not there (any more). Removing one that is not
  // there is OK. A damaged raw blob takes its whole base with it.
  absl::Status PutBase(const util::Digest& digest, absl::string_view raw,
                       absl::string_view origin, uint32_t types);
  absl::Status PutBaseIndex(const util::Digest& digest, IndexPart part,
                            uint32_t version, absl::string_view blob);
  absl::StatusOr<util::Blob> GetBaseRaw(const util::Digest& digest);
  absl::StatusOr<util::Blob> GetBaseIndex(const util::Digest& digest,
                                          IndexPart part, uint32_t version);
  // Most recently used first.
  absl::StatusOr<std::vector<BaseRecord>> ListBases();
  absl::Status RemoveBase(const util::Digest& digest);
  // Marks it as used now; cheap, written later.
  void TouchBase(const util::Digest& digest);

  // File keys. A new key of the same file replaces the old one. A put is found
  // at once and written later.
  void PutFileKey(const FileKey& key, const util::Digest& digest);
  absl::StatusOr<util::Digest> GetFileKey(const FileKey& key);

  // Results. A put is found at once and written later, in a batch; false if it
  // was dropped because too much is pending. A get counts as a use. `request`,
  // unless empty, is what the result can be computed from anew; it is kept
  // beside it, compressed, and is the first thing to be dropped for room.
  bool PutResult(const util::Digest& key, std::string value,
                 std::string request = "");
  absl::StatusOr<std::string> GetResult(const util::Digest& key);
  // The same without being a use.
  absl::StatusOr<std::string> PeekResult(const util::Digest& key);
  // NotFound also where the result has none. No use either.
  absl::StatusOr<std::string> GetRequest(const util::Digest& key);
  // Forgets a result at once, and deletes it later.
  void RemoveResult(const util::Digest& key);
  // Deletes all that were put before, and gives their room back, in small steps
  // on the caller's thread.
  absl::Status ClearResults();
  // The keys of up to `limit` results that are written, in their own order,
  // those behind `after` (null: from the first one).
  absl::StatusOr<std::vector<util::Digest>> ListResults(
      const util::Digest* after, int limit);
  // Of what is written.
  absl::StatusOr<ResultStatistics> GetResultStatistics();

  // Lifetime counters: added up in memory, written later. Names that are not in
  // counters.h are ignored.
  void AddCounters(const std::map<std::string, uint64_t>& deltas);
  absl::StatusOr<std::map<std::string, uint64_t>> GetCounters();

  // Waits until everything pending is written, or has failed to be: then the
  // first error since the last Flush.
  absl::Status Flush();

  // Bytes on disk, database and journal.
  uint64_t store_bytes() const;
  const std::string& path() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_STORE_H_
