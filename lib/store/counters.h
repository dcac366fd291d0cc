// SPDX-License-Identifier: Apache-2.0
//
// The one table of counters. `btfc status` shows them, the store keeps their
// sums when the daemon ends, and clients report some of them. This file uses
// neither SQLite nor gRPC.
#ifndef BTFD_LIB_STORE_COUNTERS_H_
#define BTFD_LIB_STORE_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace btfd::store {

// X(enumerator, name, meaning). The outcomes come first, in the order of
// Outcome in proto/btfd.proto; see OutcomeCounter().
#define BTFD_COUNTERS(X)                                                       \
  X(kOutcomeOk, "outcome_ok", "modules finalized")                             \
  X(kOutcomeBaseKeyUnknown, "outcome_base_key_unknown",                        \
    "asked for a digest: the file key was new")                                \
  X(kOutcomeBaseUnknown, "outcome_base_unknown",                               \
    "asked for a base: the digest was new")                                    \
  X(kOutcomeBadRequest, "outcome_bad_request", "requests that make no sense")  \
  X(kOutcomeBadBase, "outcome_bad_base", "defective bases")                    \
  X(kOutcomeBadBtf, "outcome_bad_btf", "modules with defective BTF")           \
  X(kOutcomeBadIds, "outcome_bad_ids", "modules with defective .BTF_ids")      \
  X(kOutcomeTooLarge, "outcome_too_large", "requests beyond a limit")          \
  X(kOutcomeBusy, "outcome_busy", "requests refused because of load")          \
  X(kOutcomeDraining, "outcome_draining", "requests refused while stopping")   \
  X(kOutcomeCancelled, "outcome_cancelled", "requests given up by the client") \
  X(kOutcomeInternal, "outcome_internal",                                      \
    "requests failed by a defect of ours")                                     \
  X(kOutcomeResultUnknown, "outcome_result_unknown",                           \
    "results asked for by digest that were not there")                         \
  X(kOutcomeEncodingUncertain, "outcome_encoding_uncertain",                   \
    "modules that had to be encoded with all their types")                     \
  X(kRequests, "requests", "finalize requests that arrived")                   \
  X(kBytesIn, "bytes_in", "BTF bytes that came with requests")                 \
  X(kBytesOut, "bytes_out", "BTF bytes that were answered")                    \
  X(kEngineNs, "engine_ns", "nanoseconds spent in the engine")                 \
  X(kCacheHits, "cache_hits", "requests answered from the result cache")       \
  X(kCacheMisses, "cache_misses", "requests that the engine had to work for")  \
  X(kCacheBypassed, "cache_bypassed", "requests with the cache turned off")    \
  X(kCacheVerified, "cache_verified",                                          \
    "cached results that were computed anew and compared")                     \
  X(kCacheDisagreements, "cache_disagreements",                                \
    "cached results that were wrong, and were deleted")                        \
  X(kFileKeyHits, "file_key_hits", "file keys whose digest was known")         \
  X(kFileKeyMisses, "file_key_misses", "file keys whose digest was not known") \
  X(kBasesLoaded, "bases_loaded", "bases taken ready-made from the store")     \
  X(kBasesBuilt, "bases_built", "bases indexed from raw BTF")                  \
  X(kBasesEvicted, "bases_evicted", "bases dropped from memory for room")      \
  X(kPeersRefused, "peers_refused", "connections of another user refused")     \
  X(kConnectionsRefused, "connections_refused",                                \
    "connections turned away: too many were open")                             \
  X(kCallsStalled, "calls_stalled", "calls ended because nothing moved")       \
  X(kForwarded, "forwarded", "requests answered by a remote daemon")           \
  X(kForwardedHits, "forwarded_hits",                                          \
    "requests answered from a remote daemon's result cache")                   \
  X(kForwardedByDigest, "forwarded_by_digest",                                 \
    "requests answered by a remote daemon without being sent")                 \
  X(kForwardFailures, "forward_failures",                                      \
    "requests that no remote daemon answered, though asked")                   \
  X(kForwardSkipped, "forward_skipped",                                        \
    "requests kept here: remote daemons had failed just before")               \
  X(kForwardBasesSent, "forward_bases_sent", "bases sent to a remote daemon")  \
  X(kForwardBytesSent, "forward_bytes_sent",                                   \
    "bytes of messages sent to remote daemons")                                \
  X(kForwardBytesSaved, "forward_bytes_saved",                                 \
    "bytes not sent to remote daemons: their digests were enough")             \
  X(kRemoteHits, "remote_hits", "requests answered from the remote cache")     \
  X(kRemoteMisses, "remote_misses",                                            \
    "results that the remote cache did not have")                              \
  X(kRemoteFailures, "remote_failures",                                        \
    "times the remote cache was slow, failing or gone")                        \
  X(kRemoteBad, "remote_bad",                                                  \
    "answers of the remote cache that were not what they had to be")           \
  X(kRemoteSkipped, "remote_skipped",                                          \
    "times the remote cache was not asked: it had failed just before")         \
  X(kRemoteBreakerOpened, "remote_breaker_opened",                             \
    "times the remote cache was given a pause")                                \
  X(kRemoteBases, "remote_bases", "bases fetched from the remote cache")       \
  X(kRemoteIndexes, "remote_indexes",                                          \
    "indexes of bases fetched from the remote cache")                          \
  X(kRemoteUploads, "remote_uploads",                                          \
    "results and indexes given to the remote cache")                           \
  X(kRemoteUploadsDropped, "remote_uploads_dropped",                           \
    "results not given to the remote cache: too many waited, or it is gone")   \
  X(kRemoteUploadFailures, "remote_upload_failures",                           \
    "results that the remote cache did not take")                              \
  X(kRemoteBytesSent, "remote_bytes_sent",                                     \
    "bytes of messages sent to the remote cache")                              \
  X(kRemoteBytesReceived, "remote_bytes_received",                             \
    "bytes of messages that came from the remote cache")                       \
  X(kListenRequests, "listen_requests", "calls that came over the network")    \
  X(kListenRefused, "listen_refused",                                          \
    "calls over the network that only this machine may make")                  \
  X(kListenLimited, "listen_limited",                                          \
    "calls over the network beyond what one client may have in flight")        \
  X(kStoreErrors, "store_errors", "store operations that failed")              \
  X(kStoreChecksumFailures, "store_checksum_failures",                         \
    "damaged rows found and deleted")                                          \
  X(kStoreSetAside, "store_set_aside", "store files set aside and rebuilt")    \
  X(kStorePutsDropped, "store_puts_dropped",                                   \
    "results not stored because too much was pending")                         \
  X(kStoreResultsEvicted, "store_results_evicted",                             \
    "results deleted from the store for room")                                 \
  X(kStoreBasesEvicted, "store_bases_evicted",                                 \
    "bases deleted from the store for room")                                   \
  X(kFallbackNoDaemon, "fallback_no_daemon",                                   \
    "one-shot finalizations: no daemon could be reached or started")           \
  X(kFallbackTimeout, "fallback_timeout",                                      \
    "one-shot finalizations: the daemon did not answer in time")               \
  X(kFallbackVersion, "fallback_version",                                      \
    "one-shot finalizations: the daemon speaks another protocol")              \
  X(kFallbackBusy, "fallback_busy",                                            \
    "one-shot finalizations: the daemon was busy or stopping")                 \
  X(kFallbackLost, "fallback_lost",                                            \
    "one-shot finalizations: the connection broke during the call")            \
  X(kFallbackInternal, "fallback_internal",                                    \
    "one-shot finalizations: the daemon failed by a defect of ours")           \
  X(kFallbackOther, "fallback_other",                                          \
    "one-shot finalizations: any other reason")                                \
  X(kTakeoverAsked, "takeover_asked",                                          \
    "files encoded by the real pahole: BTFD_ENCODER asked for it")             \
  X(kTakeoverVersion, "takeover_version",                                      \
    "files encoded by the real pahole: its version is not known")              \
  X(kTakeoverOptions, "takeover_options",                                      \
    "files encoded by the real pahole: an option is not known")                \
  X(kTakeoverDwz, "takeover_dwz",                                              \
    "files encoded by the real pahole: partial or skeleton units")             \
  X(kTakeoverTypeUnits, "takeover_type_units",                                 \
    "files encoded by the real pahole: type units")                            \
  X(kTakeoverLto, "takeover_lto",                                              \
    "files encoded by the real pahole: units that refer to others")            \
  X(kTakeoverForm, "takeover_form",                                            \
    "files encoded by the real pahole: an unknown form")                       \
  X(kTakeoverDwarfVersion, "takeover_dwarf_version",                           \
    "files encoded by the real pahole: an unknown version of DWARF")           \
  X(kTakeoverRelocation, "takeover_relocation",                                \
    "files encoded by the real pahole: an unknown relocation")                 \
  X(kTakeoverCompression, "takeover_compression",                              \
    "files encoded by the real pahole: an unknown compression")                \
  X(kTakeoverFeature, "takeover_feature",                                      \
    "files encoded by the real pahole: a feature that is not known")           \
  X(kTakeoverNesting, "takeover_nesting",                                      \
    "files encoded by the real pahole: types nested too deep")                 \
  X(kTakeoverAnnotation, "takeover_annotation",                                \
    "files encoded by the real pahole: annotations of gcc")                    \
  X(kTakeoverLanguage, "takeover_language",                                    \
    "files encoded by the real pahole: another language than C")               \
  X(kTakeoverShape, "takeover_shape",                                          \
    "files encoded by the real pahole: types that C does not have")            \
  X(kTakeoverOther, "takeover_other",                                          \
    "files encoded by the real pahole: any other reason")

enum class Counter : size_t {
#define BTFD_COUNTER_ENUMERATOR(enumerator, name, meaning) enumerator,
  BTFD_COUNTERS(BTFD_COUNTER_ENUMERATOR)
#undef BTFD_COUNTER_ENUMERATOR
};

struct CounterInfo {
  absl::string_view name;
  absl::string_view meaning;
};

inline constexpr CounterInfo kCounters[] = {
#define BTFD_COUNTER_INFO(enumerator, name, meaning) {name, meaning},
    BTFD_COUNTERS(BTFD_COUNTER_INFO)
#undef BTFD_COUNTER_INFO
};
#undef BTFD_COUNTERS

inline constexpr size_t kCounterCount =
    sizeof(kCounters) / sizeof(kCounters[0]);

// Returns the counter of that name, or nothing if there is none.
std::optional<Counter> FindCounter(absl::string_view name);
// Returns the counter of an Outcome's number; kOutcomeInternal for a number
// that is not known.
Counter OutcomeCounter(int outcome);

// The counters of one process. Thread-safe, lock-free.
class Counters {
 public:
  using Snapshot = std::array<uint64_t, kCounterCount>;

  void Add(Counter counter, uint64_t delta = 1) {
    values_[static_cast<size_t>(counter)].fetch_add(delta,
                                                    std::memory_order_relaxed);
  }
  uint64_t Get(Counter counter) const {
    return values_[static_cast<size_t>(counter)].load(
        std::memory_order_relaxed);
  }
  Snapshot Read() const;

 private:
  std::array<std::atomic<uint64_t>, kCounterCount> values_{};
};

// Returns, by name, how much each counter grew from `before` to `after`;
// counters that did not grow are left out. It is what Store::AddCounters()
// takes. With an all-zero `before` it is what `status` shows.
std::map<std::string, uint64_t> Delta(const Counters::Snapshot& before,
                                      const Counters::Snapshot& after);

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_COUNTERS_H_
