// SPDX-License-Identifier: Apache-2.0
//
// RemoteCache: a SharedCache (shared_cache.h) on a server of the Remote
// Execution API. A lookup asks the server's action cache for a result. Outputs
// that the server does not send along are fetched from its content-addressable
// storage (CAS). All that must be done within a time limit. Only a bounded
// number of lookups is under way; the others wait.
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
  bool compression = true;    // zstd if the server offers it
  // A lookup may take `timeout`, and besides the time in which a line of
  // `min_rate` bytes a second carries all bytes that are under way, its own and
  // those of others.
  absl::Duration timeout = absl::Seconds(1);
  uint64_t min_rate = uint64_t{1} << 20;
  uint64_t max_upload_bytes = uint64_t{256} << 20;  // that wait for upload
  uint32_t max_uploads = 8192;
  uint64_t max_btf_bytes = uint64_t{64} << 20;  // of one output
  std::string index_version;  // of engine and index blobs together
};

class RemoteCache final : public SharedCache {
 public:
  // `counters` and `log` must outlive it. InvalidArgument as of
  // Reapi::Create(). It is no error if no server answers; that shows at the
  // first call.
  static absl::StatusOr<std::unique_ptr<RemoteCache>> Create(
      RemoteCacheOptions options, store::Counters* counters, util::Log* log);
  // Cancels what is under way.
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
  bool paused() const override { return breaker_.open(); }
  bool Finish(absl::Duration limit) override;
  void Stop() override;

 private:
  // Adds to the sum of expected bytes, for as long as the server is asked for
  // them.
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
  // Asks for the parts of an Action's result. Its outputs must be among
  // `paths`. The server may send those of `inlined` along.
  void AskParts(const BlobName& action, std::vector<std::string> paths,
                const std::vector<std::string>& inlined, uint64_t max_bytes,
                absl::Time deadline, GotParts done);
  // Fetches the bytes of the parts that the server did not send along.
  void FetchParts(Parts parts, absl::Time deadline, GotParts done);
  // Begins to fetch the outputs of an index's Action. Null if the server is not
  // asked now.
  std::shared_ptr<Fetching> BeginFetch(const util::Digest& base,
                                       store::IndexPart part, bool raw);
  void FetchFiles(const std::shared_ptr<Fetching>& fetch, Parts parts);
  // Called once for each file that has come or has failed.
  void GotFile(const std::shared_ptr<Fetching>& fetch,
               const absl::Status& status);
  // Waits until all files have come.
  absl::Status EndFetch(const std::shared_ptr<Fetching>& fetch,
                        absl::Duration wait_limit);
  std::shared_ptr<Fetching> TakeAhead(const util::Digest& base,
                                      store::IndexPart part);
  // Asks for an Action's result and ignores its content.
  absl::Status AskResult(const BlobName& action);
  bool Admits();
  // Tells the breaker how a call ended, and counts failures and bad answers.
  void Note(const absl::Status& status);
  bool MayUpload();
  // The time limit of a call that begins now. It grows with the bytes that all
  // calls expect, since they share one line.
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
  // A dedup index that is fetched because it will probably be asked for next.
  std::shared_ptr<Fetching> ahead_ ABSL_GUARDED_BY(mutex_);
  // Actions of indexes that the server has, or that were sent to it.
  absl::flat_hash_set<util::Digest> offered_ ABSL_GUARDED_BY(mutex_);

  // The order of these members matters. The destructor of the channel waits for
  // calls, which use the members before it. The uploader's destructor waits for
  // its thread, which makes calls.
  BlobReader reader_;
  const std::unique_ptr<Reapi> reapi_;
  std::unique_ptr<Uploader> uploader_;  // null if read-only
};

}  // namespace btfd::daemon::remote

#endif  // BTFD_DAEMON_REMOTE_CACHE_REMOTE_CACHE_H_
