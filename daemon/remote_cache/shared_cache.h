// SPDX-License-Identifier: Apache-2.0
//
// What a daemon asks of a cache that many hosts share, behind its own store:
// finished results, bases and their indexes. remote_cache.h is the one there
// is. Nothing here ever fails a request: what is slow, wrong or gone is not
// there.
#ifndef BTFD_DAEMON_REMOTE_CACHE_SHARED_CACHE_H_
#define BTFD_DAEMON_REMOTE_CACHE_SHARED_CACHE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "lib/store/store.h"
#include "lib/util/blob.h"
#include "lib/util/digest.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// Thread-safe.
class SharedCache {
 public:
  // The answer without tag, marked as cached; nothing if there is none.
  using Found = std::function<void(std::optional<v1::FinalizeResponse>)>;

  virtual ~SharedCache() = default;

  // Asks for the result of that name. Never blocks; `found` is called once,
  // perhaps on this thread before this returns, perhaps on one that must not
  // be held up.
  virtual void Find(const v1::FindResultRequest& query, absl::Time deadline,
                    Found found) = 0;
  // Hands a result on, later. Precondition: the outcome is OK; `query` is that
  // of `request`.
  virtual void Keep(const v1::FindResultRequest& query,
                    const v1::FinalizeRequest& request,
                    const v1::FinalizeResponse& response) = 0;

  // Whether FetchIndex or FetchBase may find it; blocks as they do.
  virtual bool HasBase(const util::Digest& base) = 0;
  // Begins to fetch the dedup index, which is about to be asked for. Does not
  // block.
  virtual void ExpectDedupIndex(const util::Digest& base) = 0;
  // These block, for as long as a blob of that size may take, or for
  // `wait_limit` (then DeadlineExceeded). An index is what its digest in the
  // cache says; whether it is an index, Load() tells. A raw base has the digest
  // that was asked for.
  virtual absl::StatusOr<util::Blob> FetchIndex(const util::Digest& base,
                                                store::IndexPart part,
                                                absl::Duration wait_limit) = 0;
  virtual absl::StatusOr<std::string> FetchBase(const util::Digest& base) = 0;
  // Hands an index on, later, unless it is there already; the core index comes
  // with its raw base. `raw` gives the base, empty if it has none.
  virtual void OfferIndex(const util::Digest& base, store::IndexPart part,
                          absl::string_view index,
                          const std::function<std::string()>& raw) = 0;

  // True once all that was to be handed on is; false if that takes longer.
  virtual bool Finish(absl::Duration limit) = 0;
  // From now on nothing is found or taken, and nobody is held up.
  virtual void Stop() = 0;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_REMOTE_CACHE_SHARED_CACHE_H_
