// SPDX-License-Identifier: Apache-2.0
//
// The bases that the daemon holds, by digest. A base comes from an upload, or
// ready-made from the store; several requests that want the same absent base
// cause one load. Memory is bounded: the least recently used bases that no
// request holds go first, and come back from the store when asked for.
//
// The dedup index of a base is made on the first request that needs it; until
// then, and meanwhile, the base serves all other requests.
#ifndef BTFD_DAEMON_BASES_REGISTRY_H_
#define BTFD_DAEMON_BASES_REGISTRY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/bases/base_entry.h"
#include "daemon/bases/shared_bases.h"
#include "daemon/remote_cache/shared_cache.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/store/counters.h"
#include "lib/store/store.h"
#include "lib/util/blob.h"
#include "lib/util/digest.h"
#include "lib/util/log.h"
#include "lib/util/task_queue.h"

namespace btfd::daemon {

// What `btfc status` shows of a base.
struct BaseDescription {
  util::Digest digest;
  std::string origin;
  uint32_t types = 0;
  uint64_t raw_bytes = 0;
  uint64_t resident_bytes = 0;  // 0: in the store only
  bool dedup_ready = false;
  uint64_t requests = 0;
  int64_t last_used_unix = 0;
};

// Thread-safe. The store and the other arguments must outlive it. Its
// destructor drops what is not stored yet.
class BaseRegistry {
 public:
  // Holds a base in memory for as long as it lives.
  class Handle {
   public:
    const util::Digest& digest() const;
    const btf::Base& base() const;
    // Loads or builds the index if need be; other threads wait for the one that
    // does.
    absl::StatusOr<const btf::DedupIndex*> dedup_index() const;

   private:
    friend class BaseRegistry;
    Handle(BaseRegistry* registry, std::shared_ptr<BaseEntry> entry)
        : registry_(registry), entry_(std::move(entry)) {}
    BaseRegistry* registry_;
    std::shared_ptr<BaseEntry> entry_;
  };

  // `store` may be null: a base is then lost when it is evicted. `shared`, a
  // cache that many hosts share, may be null, too.
  BaseRegistry(uint64_t max_resident_bytes, store::Store* store,
               store::Counters* counters, util::Log* log,
               SharedCache* shared = nullptr);

  // NotFound if neither memory nor the store has the base.
  absl::StatusOr<Handle> Acquire(const util::Digest& digest);

  // As Acquire(), but also asks the shared cache, which may take seconds.
  absl::StatusOr<Handle> Fetch(const util::Digest& digest);

  // Validates, indexes and keeps a base; it is stored in the background.
  // Precondition: `digest` is the digest of `raw`. InvalidArgument as of
  // Base::Build() if it is defective.
  absl::StatusOr<Handle> Add(const util::Digest& digest, std::string raw,
                             absl::string_view origin);

  // The base's raw bytes. NotFound if the store does not have them.
  absl::StatusOr<util::Blob> Raw(const util::Digest& digest);

  // The sample of the base's raw bytes (lib/util/content_sample.h); empty if
  // these bytes are not here.
  std::string SampleOf(const util::Digest& digest);

  // Lists the bases in memory first, then those that only the store has.
  std::vector<BaseDescription> List();
  // Removes a base from memory (once no request holds it) and from the store.
  // The digest may be a prefix, in binary. NotFound if there is no such base;
  // InvalidArgument if the prefix fits several.
  absl::Status Remove(absl::string_view digest_prefix);

  // Evicts bases that no request holds, until the rest is within the bound.
  void Trim();
  // Waits until everything is stored; false if that takes longer than `limit`.
  bool FinishSaving(absl::Duration limit) { return saver_.Finish(limit); }

 private:
  // Gets a base from memory, from the store or, if `ask_shared`, from the
  // shared cache.
  absl::StatusOr<Handle> Obtain(const util::Digest& digest, bool ask_shared);
  std::shared_ptr<BaseEntry> FindOrMake(const util::Digest& digest);
  absl::Status Settle(const std::shared_ptr<BaseEntry>& entry,
                      const absl::Status& status);
  Handle Hold(const std::shared_ptr<BaseEntry>& entry);
  absl::Status Load(const std::shared_ptr<BaseEntry>& entry);
  absl::Status Index(const std::shared_ptr<BaseEntry>& entry,
                     absl::string_view raw);
  void SetBase(BaseEntry* entry, std::shared_ptr<const btf::Base> base);
  absl::StatusOr<const btf::DedupIndex*> DedupIndexOf(
      const std::shared_ptr<BaseEntry>& entry);
  absl::StatusOr<std::shared_ptr<const btf::DedupIndex>> LoadOrBuildDedupIndex(
      const std::shared_ptr<BaseEntry>& entry);
  // Gets a base from the shared cache: its index, or its raw bytes.
  absl::Status LoadShared(const std::shared_ptr<BaseEntry>& entry);
  // Removes an entry from the table.
  void Forget(const std::shared_ptr<BaseEntry>& entry);
  void SaveRaw(const std::shared_ptr<BaseEntry>& entry, std::string raw);
  void SaveIndex(const std::shared_ptr<BaseEntry>& entry,
                 store::IndexPart part);
  void NoteStoreError(absl::string_view what, const absl::Status& status);

  const uint64_t max_resident_bytes_;
  store::Store* const store_;
  store::Counters* const counters_;
  util::Log* const log_;
  SharedBases shared_;

  absl::Mutex mutex_;
  absl::flat_hash_map<util::Digest, std::shared_ptr<BaseEntry>> entries_
      ABSL_GUARDED_BY(mutex_);

  util::TaskQueue saver_{1};  // last: its tasks use the others
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_BASES_REGISTRY_H_
