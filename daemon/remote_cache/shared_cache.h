// SPDX-License-Identifier: Apache-2.0
//
// SharedCache: a cache that many hosts share, which the daemon asks if its own
// store does not have something. It holds finished results, bases and their
// indexes. This is the interface; remote_cache.h has its only implementation.
// Nothing here makes a request fail: if the cache is slow, wrong or gone, an
// entry counts as missing.
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
  // Gets the answer, without its tag and marked as cached; nothing if there is
  // none.
  using Found = std::function<void(std::optional<v1::FinalizeResponse>)>;

  virtual ~SharedCache() = default;

  // Asks for the result with the name that `query` gives. Never blocks. Calls
  // `found` once: on this thread before Find() returns, or on another thread,
  // which `found` must not hold up.
  virtual void Find(const v1::FindResultRequest& query, absl::Time deadline,
                    Found found) = 0;
  // Uploads a result later. Preconditions: the outcome is OK; `query` belongs
  // to `request`.
  virtual void Keep(const v1::FindResultRequest& query,
                    const v1::FinalizeRequest& request,
                    const v1::FinalizeResponse& response) = 0;

  // True if FetchIndex() or FetchBase() will probably find this base. Blocks as
  // they do.
  virtual bool HasBase(const util::Digest& base) = 0;
  // Begins to fetch the dedup index, because it will soon be asked for. Does
  // not block.
  virtual void ExpectDedupIndex(const util::Digest& base) = 0;
  // These block for as long as a blob of that size may take, or for
  // `wait_limit` (then DeadlineExceeded). The bytes of an index fit its digest
  // in the cache; only Load() tells whether they are a valid index. A raw base
  // has the digest that was asked for.
  virtual absl::StatusOr<util::Blob> FetchIndex(const util::Digest& base,
                                                store::IndexPart part,
                                                absl::Duration wait_limit) = 0;
  virtual absl::StatusOr<std::string> FetchBase(const util::Digest& base) = 0;
  // Uploads an index later, unless the cache has it already. With the core
  // index the raw base is uploaded; `raw` returns it, or an empty string if the
  // caller has none.
  virtual void OfferIndex(const util::Digest& base, store::IndexPart part,
                          absl::string_view index,
                          const std::function<std::string()>& raw) = 0;

  // Whether it is not asked for now, because it failed.
  virtual bool paused() const = 0;

  // Waits until all uploads are done; false if that takes longer than `limit`.
  virtual bool Finish(absl::Duration limit) = 0;
  // From now on nothing is found or uploaded, and no call waits.
  virtual void Stop() = 0;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_REMOTE_CACHE_SHARED_CACHE_H_
