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

// A base for `status`.
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

// Thread-safe. The store and all else that is given must outlive it. What was
// still to be stored when it is destroyed is not.
class BaseRegistry {
 public:
  // Holds a base in memory for as long as it lives.
  class Handle {
   public:
    const util::Digest& digest() const;
    const btf::Base& base() const;
    // Loads or builds the index if need be; others wait for the one who does.
    absl::StatusOr<const btf::DedupIndex*> dedup_index() const;

   private:
    friend class BaseRegistry;
    Handle(BaseRegistry* registry, std::shared_ptr<BaseEntry> entry)
        : registry_(registry), entry_(std::move(entry)) {}
    BaseRegistry* registry_;
    std::shared_ptr<BaseEntry> entry_;
  };

  // `store` may be null: bases are then lost once they are evicted.
  // So may `shared`, a cache that many hosts share.
  BaseRegistry(uint64_t max_resident_bytes, store::Store* store,
               store::Counters* counters, util::Log* log,
               SharedCache* shared = nullptr);

  // NotFound if the digest is known neither here nor in the store.
  absl::StatusOr<Handle> Acquire(const util::Digest& digest);

  // As Acquire, but also asks the shared cache, which may take seconds.
  absl::StatusOr<Handle> Fetch(const util::Digest& digest);

  // Validates, indexes and keeps a base, and has it stored in the background.
  // Precondition: `digest` is that of `raw`. InvalidArgument (as Base::Build's)
  // if it is defective.
  absl::StatusOr<Handle> Add(const util::Digest& digest, std::string raw,
                             absl::string_view origin);

  // The bytes it was made of. NotFound if they are not in the store.
  absl::StatusOr<util::Blob> Raw(const util::Digest& digest);

  // Of the bytes it was made of (lib/util/content_sample.h); empty where those
  // are not here.
  std::string SampleOf(const util::Digest& digest);

  // In memory first, then in the store only.
  std::vector<BaseDescription> List();
  // Forgets a base, in memory (once no request holds it) and in the store. The
  // digest may be a prefix in binary. NotFound, or InvalidArgument where the
  // prefix means several.
  absl::Status Remove(absl::string_view digest_prefix);

  // Evicts what is over the bound and no longer held.
  void Trim();
  // True once everything that is to be stored is; false if that takes longer.
  bool FinishSaving(absl::Duration limit) { return saver_.Finish(limit); }

 private:
  // From memory, the store or, if that is wanted, the shared cache.
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
  // From the shared cache: its index, or its raw bytes.
  absl::Status LoadShared(const std::shared_ptr<BaseEntry>& entry);
  // Takes an entry out of the table.
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

  util::TaskQueue saver_{1};  // last: what it runs uses the others
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_BASES_REGISTRY_H_
