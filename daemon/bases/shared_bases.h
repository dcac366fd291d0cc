// SPDX-License-Identifier: Apache-2.0
//
// Bases by way of the shared cache: an index that comes from there serves at
// once, is confirmed in the background, and is replaced where it was wrong.
// What was made here is offered to the other hosts.
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

// Thread-safe. All that is given must outlive it, but `background` only its
// last call: the queue's tasks use this object.
class SharedBases {
 public:
  // Takes an entry out of use; the next request for that base makes a new one.
  using Forget = std::function<void(const std::shared_ptr<BaseEntry>& entry)>;

  // `cache` may be null: nothing is found then, and nothing offered. `store`
  // may be null as well. `background` has one thread.
  SharedBases(SharedCache* cache, store::Store* store,
              store::Counters* counters, util::Log* log,
              util::TaskQueue* background, Forget forget);

  bool enabled() const { return cache_ != nullptr; }

  // The core index. It is not confirmed yet: the caller puts it in the entry
  // and calls ConfirmLater(). An error if there is none, or a defective one.
  absl::StatusOr<std::shared_ptr<const btf::Base>> LoadIndex(
      const util::Digest& digest);
  // Indexes the raw base once more, compares, and stores what is right.
  // Precondition: entry->base came from LoadIndex().
  void ConfirmLater(const std::shared_ptr<BaseEntry>& entry);
  // The bytes that the base was made of. NotFound if they are not there.
  absl::StatusOr<std::string> FetchRaw(const util::Digest& digest);

  // Begins to fetch a dedup index that LoadDedupIndex() will be asked for.
  void ExpectDedupIndex(const util::Digest& digest);
  // Null if there is none, or if to wait for it is not worth the time. It is
  // confirmed in the background.
  std::shared_ptr<const btf::DedupIndex> LoadDedupIndex(
      const std::shared_ptr<BaseEntry>& entry);

  // Offers the core index of entry->base. `raw` may be empty: it is read from
  // the store if the cache wants it.
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
