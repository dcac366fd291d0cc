// SPDX-License-Identifier: Apache-2.0
//
// A cache that speaks the Remote Execution API, as the daemon's SharedCache.
// A lookup asks the action cache, with outputs inlined if the server likes, and
// fetches from the CAS what was not; it has a time budget for all of that. A
// bounded number of lookups is under way, the others wait their turn.
#ifndef BTFD_DAEMON_REMOTE_CACHE_REMOTE_CACHE_H_
#define BTFD_DAEMON_REMOTE_CACHE_REMOTE_CACHE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "daemon/remote_cache/blob_reader.h"
#include "daemon/remote_cache/breaker.h"
#include "daemon/remote_cache/reapi.h"
#include "daemon/remote_cache/result.h"
#include "daemon/remote_cache/server_limits.h"
#include "daemon/remote_cache/shared_cache.h"
#include "daemon/remote_cache/uploader.h"
#include "lib/store/counters.h"
#include "lib/util/blob.h"
#include "lib/util/log.h"

namespace btfd::daemon::remote {

struct RemoteCacheOptions {
  ReapiOptions server;
  bool read_only = false;
  bool upload_inputs = true;  // the modules' own BTF, too
  bool compression = true;    // zstd where the server offers it
  // A lookup may take `timeout`, and as long as all the bytes that are under
  // way take at `min_rate` bytes a second: they share a line.
  absl::Duration timeout = absl::Seconds(1);
  uint64_t min_rate = uint64_t{1} << 20;
  uint64_t max_upload_bytes = uint64_t{256} << 20;  // that wait
  uint32_t max_uploads = 8192;
  uint64_t max_btf_bytes = uint64_t{64} << 20;  // of one output
  std::string index_version;  // of engine and index blobs together
};

class RemoteCache final : public SharedCache {
 public:
  // `counters` and `log` must outlive it. InvalidArgument as Reapi::Create's;
  // whether the server is there shows later.
  static absl::StatusOr<std::unique_ptr<RemoteCache>> Create(
      RemoteCacheOptions options, store::Counters* counters, util::Log* log);
  // Gives up what is under way.
  ~RemoteCache() override;

  void Find(const v1::FindResultRequest& query, absl::Time deadline,
            Found found) override;
  void Keep(const v1::FindResultRequest& query,
            const v1::FinalizeRequest& request,
            const v1::FinalizeResponse& response) override;
  bool HasBase(const util::Digest& base) override;
  void ExpectDedupIndex(const util::Digest& base) override;
  absl::StatusOr<util::Blob> FetchIndex(const util::Digest& base,
                                        store::IndexPart part,
                                        absl::Duration wait_limit) override;
  absl::StatusOr<std::string> FetchBase(const util::Digest& base) override;
  void OfferIndex(const util::Digest& base, store::IndexPart part,
                  absl::string_view index,
                  const std::function<std::string()>& raw) override;
  bool Finish(absl::Duration limit) override;
  void Stop() override;

 private:
  // Bytes that the server was asked for, for as long as it was.
  class Expected {
   public:
    Expected(uint64_t bytes, std::atomic<uint64_t>* sum)
        : bytes_(bytes), sum_(sum) {
      *sum_ += bytes_;
    }
    ~Expected() { *sum_ -= bytes_; }
    Expected(const Expected&) = delete;
    Expected& operator=(const Expected&) = delete;

   private:
    const uint64_t bytes_;
    std::atomic<uint64_t>* const sum_;
  };
  struct Lookup;
  struct Fetching;
  using LookupPtr = std::shared_ptr<Lookup>;
  using Parts = std::vector<ResultPart>;
  using GotParts = std::function<void(absl::StatusOr<Parts>)>;

  RemoteCache(RemoteCacheOptions options, std::unique_ptr<Reapi> reapi,
              store::Counters* counters, util::Log* log);

  void AskCapabilities();
  void OnCapabilities(const absl::Status& status,
                      const reapi::ServerCapabilities& capabilities);
  ServerLimits limits();

  void StartLookup(const LookupPtr& lookup);
  void EndLookup(const LookupPtr& lookup, absl::StatusOr<Parts> parts);
  // The parts of an Action's result, whose outputs must be among `paths`; those
  // of `inlined` may come with it.
  void AskParts(const BlobName& action, std::vector<std::string> paths,
                const std::vector<std::string>& inlined, uint64_t max_bytes,
                absl::Time deadline, GotParts done);
  // Adds the bytes of the parts that came without.
  void FetchParts(Parts parts, absl::Time deadline, GotParts done);
  // Outputs of an index's Action, on their way; null if nobody is asked.
  std::shared_ptr<Fetching> BeginFetch(const util::Digest& base,
                                       store::IndexPart part, bool raw);
  void FetchFiles(const std::shared_ptr<Fetching>& fetch, Parts parts);
  // One file less to wait for.
  void GotFile(const std::shared_ptr<Fetching>& fetch,
               const absl::Status& status);
  // Waits for all of it.
  absl::Status EndFetch(const std::shared_ptr<Fetching>& fetch,
                        absl::Duration wait_limit);
  std::shared_ptr<Fetching> TakeAhead(const util::Digest& base,
                                      store::IndexPart part);
  // Asks for an Action's result, whatever is in it.
  absl::Status AskResult(const BlobName& action);
  bool Admits();
  // Tells the breaker, and counts what is of no use.
  void Note(const absl::Status& status);
  bool MayUpload();
  // For what is asked now: all that was said to come shares the line.
  absl::Duration Budget() const;

  const RemoteCacheOptions options_;
  store::Counters* const counters_;
  util::Log* const log_;
  Breaker breaker_;
  std::atomic<uint64_t> expected_bytes_{0};

  absl::Mutex mutex_;
  ServerLimits limits_ ABSL_GUARDED_BY(mutex_);
  bool limits_known_ ABSL_GUARDED_BY(mutex_) = false;
  bool limits_asked_ ABSL_GUARDED_BY(mutex_) = false;
  uint32_t lookups_ ABSL_GUARDED_BY(mutex_) = 0;  // under way
  std::deque<LookupPtr> waiting_ ABSL_GUARDED_BY(mutex_);
  // The dedup index that is expected to be asked for next.
  std::shared_ptr<Fetching> ahead_ ABSL_GUARDED_BY(mutex_);
  // Actions of indexes that are there, or were sent.
  absl::flat_hash_set<util::Digest> offered_ ABSL_GUARDED_BY(mutex_);

  // In this order: the channel's end waits for calls, which end in the others,
  // and the uploader's waits for its thread, which makes calls.
  BlobReader reader_;
  const std::unique_ptr<Reapi> reapi_;
  std::unique_ptr<Uploader> uploader_;  // null: read-only
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_REMOTE_CACHE_H_
