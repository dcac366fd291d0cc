// SPDX-License-Identifier: Apache-2.0
//
// Finished answers by what they were made of. Only good ones are kept, with
// their warnings, so that a hit says and prints what the first run did; and
// with the request, so that it can be proved (see result_verifier.h).
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
  // `store` may be null: nothing is then found or kept.
  ResultCache(store::Store* store, util::Log* log) : store_(store), log_(log) {}

  bool enabled() const { return store_ != nullptr; }

  // Names the answer to a request over a base (null: without one): everything
  // that can change a byte of it, by digest, and the engine's version.
  static v1::FindResultRequest QueryOf(const v1::FinalizeRequest& request,
                                       const util::Digest* base);
  static util::Digest KeyOf(const v1::FindResultRequest& query);
  static util::Digest KeyOf(const v1::FinalizeRequest& request,
                            const util::Digest* base) {
    return KeyOf(QueryOf(request, base));
  }

  // The answer without tag, marked as cached.
  std::optional<v1::FinalizeResponse> Find(const util::Digest& key) const;
  // Precondition: response.outcome() is OK. The request is kept along, so that
  // the answer can be proved.
  void Keep(const util::Digest& key, const v1::FinalizeRequest& request,
            const util::Digest* base,
            const v1::FinalizeResponse& response) const;
  void Remove(const util::Digest& key) const;

  // An answer with what it was made of.
  struct Kept {
    v1::FinalizeRequest request;
    std::optional<util::Digest> base;
    v1::FinalizeResponse result;
  };
  // Nothing where one of them is not there, or another version made it. No use
  // of it: what is looked at for its truth alone is not younger for that.
  std::optional<Kept> FindWithRequest(const util::Digest& key) const;
  // See Store::ListResults; what was just kept included.
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
