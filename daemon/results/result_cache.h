// SPDX-License-Identifier: Apache-2.0
//
// Keeps finished answers by a digest of all their inputs. It keeps only good
// answers. Each is kept with its warnings, so that a hit prints the same as the
// first run, and with its request, so that the answer can be verified
// (result_verifier.h).
#ifndef BTFD_DAEMON_RESULTS_RESULT_CACHE_H_
#define BTFD_DAEMON_RESULTS_RESULT_CACHE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/store/store.h"
#include "lib/util/digest.h"
#include "lib/util/log.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// Thread-safe.
class ResultCache {
 public:
  // `store` may be null: then nothing is found or kept.
  ResultCache(store::Store* store, util::Log* log) : store_(store), log_(log) {}

  bool enabled() const { return store_ != nullptr; }

  // Names the answer to a request over a base (null: without one) by the
  // digests of everything that can change a byte of the answer, and by the
  // engine's version.
  static v1::FindResultRequest QueryOf(const v1::FinalizeRequest& request,
                                       const util::Digest* base);
  static util::Digest KeyOf(const v1::FindResultRequest& query);
  static util::Digest KeyOf(const v1::FinalizeRequest& request,
                            const util::Digest* base) {
    return KeyOf(QueryOf(request, base));
  }

  // Returns the answer without its tag, marked as cached.
  std::optional<v1::FinalizeResponse> Find(const util::Digest& key) const;
  // Precondition: response.outcome() is OK. The request is kept, too, so that
  // the answer can be verified.
  void Keep(const util::Digest& key, const v1::FinalizeRequest& request,
            const util::Digest* base,
            const v1::FinalizeResponse& response) const;
  void Remove(const util::Digest& key) const;

  // A kept answer and its inputs.
  struct Kept {
    v1::FinalizeRequest request;
    std::optional<util::Digest> base;
    v1::FinalizeResponse result;
  };
  // Nothing if one of the two is missing, or if another version made the
  // answer. It does not count as a use: an answer that is only verified must
  // not stay longer because of that.
  std::optional<Kept> FindWithRequest(const util::Digest& key) const;
  // As Store::ListResults(), but with the results that were only just kept.
  absl::StatusOr<std::vector<util::Digest>> List(const util::Digest* after,
                                                 int limit) const;

 private:
  std::optional<v1::FinalizeResponse> Parse(
      const absl::StatusOr<std::string>& value) const;

  store::Store* const store_;
  util::Log* const log_;
};

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_RESULTS_RESULT_CACHE_H_
