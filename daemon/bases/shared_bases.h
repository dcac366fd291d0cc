// SPDX-License-Identifier: Apache-2.0
//
// Gets bases from the shared cache. An index from there is used at once,
// confirmed in the background, and replaced if it was wrong. Indexes that are
// made here are offered to the other hosts.
#ifndef BTFD_DAEMON_BASES_SHARED_BASES_H_
#define BTFD_DAEMON_BASES_SHARED_BASES_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/bases/base_entry.h"
#include "daemon/remote_cache/shared_cache.h"
#include "lib/store/counters.h"
#include "lib/store/store.h"
#include "lib/util/log.h"
#include "lib/util/task_queue.h"

namespace btfd::daemon {

// Thread-safe. All other arguments must outlive it. `background` must live
// until the last call, and must end before this object does, because its tasks
// use this object.
class SharedBases {
 public:
  // Removes an entry from use; the next request for that base makes a new one.
  using Forget = std::function<void(const std::shared_ptr<BaseEntry>& entry)>;

  // `cache` may be null: then nothing is found or offered. `store` may be null,
  // too. `background` has one thread.
  SharedBases(SharedCache* cache, store::Store* store,
              store::Counters* counters, util::Log* log,
              util::TaskQueue* background, Forget forget);

  bool enabled() const { return cache_ != nullptr; }

  // Returns the core index of a base. It is not confirmed yet: the caller puts
  // it into the entry and calls ConfirmLater(). An error if there is no index,
  // or a defective one.
  absl::StatusOr<std::shared_ptr<const btf::Base>> LoadIndex(
      const util::Digest& digest);
  // Indexes the raw base here, too, compares the indexes, and stores the right
  // one. Precondition: entry->base came from LoadIndex().
  void ConfirmLater(const std::shared_ptr<BaseEntry>& entry);
  // The raw bytes of the base. NotFound if they are not in the cache.
  absl::StatusOr<std::string> FetchRaw(const util::Digest& digest);

  // Begins to fetch a dedup index, because LoadDedupIndex() will be called for
  // it.
  void ExpectDedupIndex(const util::Digest& digest);
  // Null if there is no such index, or if building it takes less time than
  // waiting for it. The index is confirmed in the background.
  std::shared_ptr<const btf::DedupIndex> LoadDedupIndex(
      const std::shared_ptr<BaseEntry>& entry);

  // Offers the core index of entry->base. `raw` may be empty: if the cache
  // needs the raw bytes, they are then read from the store.
  void OfferBase(const std::shared_ptr<BaseEntry>& entry,
                 absl::string_view raw);
  void OfferDedupIndex(const std::shared_ptr<BaseEntry>& entry);

 private:
  void ConfirmDedupLater(const std::shared_ptr<BaseEntry>& entry,
                         std::shared_ptr<const btf::DedupIndex> index);
  void NoteDefect(absl::string_view what, const absl::Status& status);
  void NoteStoreError(absl::string_view what, const absl::Status& status);

  SharedCache* const cache_;
  store::Store* const store_;
  store::Counters* const counters_;
  util::Log* const log_;
  util::TaskQueue* const background_;
  const Forget forget_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_BASES_SHARED_BASES_H_
