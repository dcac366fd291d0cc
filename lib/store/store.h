// SPDX-License-Identifier: Apache-2.0
//
// Store keeps what outlives a daemon in one SQLite database: bases with their
// index blobs, file keys, results and counters. It is a cache. Its content may
// be lost at any time (power cut, full disk, eviction), but what it returns is
// what was put: each blob has an XXH3-128 checksum over its key and its bytes,
// and each read checks it.
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
  // Made with mode 0700 if it is missing, and so is its parent, but nothing
  // above. Holds btfd.sqlite3 with its journals, a .lock file, and after
  // trouble btfd.sqlite3.aside-*. It must be ours, and others must not be able
  // to write to it.
  std::string directory;
  // Limits. Beyond them the writer's thread deletes, in small steps, the
  // results and bases that were used longest ago, and the oldest file keys. The
  // base that was used last always stays.
  uint64_t max_result_bytes = uint64_t{1} << 30;
  uint64_t max_base_bytes = uint64_t{1} << 30;
  uint64_t max_file_keys = 4096;
  // Memory for results that are not written yet. A put beyond it is dropped.
  uint64_t max_pending_bytes = uint64_t{32} << 20;
  // How long Open and writes wait for another process's lock.
  absl::Duration busy_timeout = absl::Milliseconds(500);
  // How long results, counters and uses are gathered before they are written.
  absl::Duration write_delay = absl::Milliseconds(200);
  // Either may be null; if not, it must outlive the store. The store counts in
  // `counters` only the kStore* counters.
  util::Log* log = nullptr;
  Counters* counters = nullptr;
  // Use a rollback journal instead of WAL. Readers then wait for writers. On a
  // network file system this is always so.
  bool rollback_journal = false;
  // For tests: the f_type that statfs(2) would give for the directory.
  absl::optional<int64_t> filesystem_type;
  // For tests: SQLite's limit of the file's size, in pages (0: none).
  uint32_t max_page_count = 0;
};

// Names the content of a file of this machine. It has the three parts of
// FileKey in proto/btfd.proto, as text.
struct FileKey {
  std::string file;    // which file; a file's newest key counts
  std::string state;   // which state of the file
  std::string sample;  // bytes of its content (lib/util/content_sample.h)

  friend bool operator==(const FileKey& a, const FileKey& b) {
    return a.file == b.file && a.state == b.state && a.sample == b.sample;
  }
  template <typename H>
  friend H AbslHashValue(H h, const FileKey& key) {
    return H::combine(std::move(h), key.file, key.state, key.sample);
  }
};

// The two index blobs of a base: see lib/btf/base.h and lib/btf/dedup_index.h.
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
  // Opens the database, or makes it. That takes milliseconds. A file that is
  // damaged, foreign or of another schema version is set aside under another
  // name, and a new one is made. The same happens when damage shows later.
  static absl::StatusOr<std::unique_ptr<Store>> Open(StoreOptions options);
  // Writes everything that is pending.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Bases. A put writes at once, on the caller's thread, and replaces what was
  // there. An index blob is found only under the version with which it was put.
  // PutBaseIndex() gives NotFound if the base is not there (any more).
  // RemoveBase() gives OK if there is no such base. If a raw blob is damaged,
  // its whole base is deleted.
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
  // Notes that the base is used now. Cheap: the use is written later.
  void TouchBase(const util::Digest& digest);

  // File keys. A new key of a file replaces the file's old key. A key is found
  // as soon as it was put, and written later.
  void PutFileKey(const FileKey& key, const util::Digest& digest);
  absl::StatusOr<util::Digest> GetFileKey(const FileKey& key);

  // Results. A result is found as soon as it was put, and is written later, in
  // a batch. PutResult() returns false if it was dropped because too much is
  // pending. GetResult() counts as a use. `request`, unless it is empty, is
  // what the result can be computed from anew. It is stored compressed beside
  // the result, and is dropped before the result is if there is no room for
  // both.
  bool PutResult(const util::Digest& key, std::string value,
                 std::string request = "");
  absl::StatusOr<std::string> GetResult(const util::Digest& key);
  // As GetResult(), but does not count as a use.
  absl::StatusOr<std::string> PeekResult(const util::Digest& key);
  // The request of a result; NotFound also if the result has none. Does not
  // count as a use.
  absl::StatusOr<std::string> GetRequest(const util::Digest& key);
  // The result is not found any more at once; it is deleted from the file
  // later.
  void RemoveResult(const util::Digest& key);
  // Deletes all results that were put before, and gives their room back to the
  // file system. It does so in small steps on the caller's thread.
  absl::Status ClearResults();
  // The keys of up to `limit` results that are written, in ascending order.
  // They start behind `after`; null means from the first one.
  absl::StatusOr<std::vector<util::Digest>> ListResults(
      const util::Digest* after, int limit);
  // Counts only results that are written.
  absl::StatusOr<ResultStatistics> GetResultStatistics();

  // Counters over the store's whole life. Deltas are added up in memory and
  // written later. Names that are not in counters.h are ignored.
  void AddCounters(const std::map<std::string, uint64_t>& deltas);
  absl::StatusOr<std::map<std::string, uint64_t>> GetCounters();

  // Waits until everything that is pending was written, or could not be
  // written. Returns the first error since the last Flush().
  absl::Status Flush();

  // The bytes on disk of the database and its journal.
  uint64_t store_bytes() const;
  const std::string& path() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_STORE_H_
