// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/remote_cache.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/remote_cache/action.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon::remote {

namespace {

using store::Counter;

// Enough to fill a line with a delay of 20 ms. More lookups would only wait at
// the server, while their time limits run.
constexpr uint32_t kMaxLookups = 64;
constexpr uint32_t kFailuresToOpen = 5;
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
constexpr absl::Duration kCapabilitiesLimit = absl::Seconds(10);
// The largest message that gRPC accepts by default, less room for framing.
constexpr uint64_t kLargestBatch = ServerLimits().max_batch_bytes;

std::vector<std::string> FinalizeOutputs() {
  return {kBtfFile, kBtfBaseFile, kBtfIdsFile};
}

uint64_t InputBytes(const v1::FindResultRequest& query) {
  return query.btf().size() + query.distilled_base().size() +
         query.ids().size();
}

bool Has(const google::protobuf::RepeatedField<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

ServerLimits LimitsOf(const reapi::CacheCapabilities& capabilities,
                      bool compression) {
  ServerLimits limits;
  limits.usable =
      capabilities.digest_functions().empty() ||
      Has(capabilities.digest_functions(), reapi::DigestFunction::SHA256);
  limits.update =
      capabilities.action_cache_update_capabilities().update_enabled();
  if (capabilities.max_batch_total_size_bytes() > 0) {
    limits.max_batch_bytes = std::min<uint64_t>(
        kLargestBatch, capabilities.max_batch_total_size_bytes());
  }
  if (compression) {
    limits.zstd_read =
        Has(capabilities.supported_compressors(), reapi::Compressor::ZSTD);
    limits.zstd_batch_update =
        Has(capabilities.supported_batch_update_compressors(),
            reapi::Compressor::ZSTD);
  }
  return limits;
}

}  // namespace

struct RemoteCache::Lookup {
  BlobName action;
  uint64_t bytes = 0;
  absl::Time deadline;  // the caller's
  Found found;
  std::unique_ptr<Expected> expected;  // while it is under way
};

absl::StatusOr<std::unique_ptr<RemoteCache>> RemoteCache::Create(
    RemoteCacheOptions options, store::Counters* counters, util::Log* log) {
  ASSIGN_OR_RETURN(auto reapi, Reapi::Create(options.server, counters));
  return std::unique_ptr<RemoteCache>(
      new RemoteCache(std::move(options), std::move(reapi), counters, log));
}

RemoteCache::RemoteCache(RemoteCacheOptions options,
                         std::unique_ptr<Reapi> reapi,
                         store::Counters* counters, util::Log* log)
    : options_(std::move(options)),
      counters_(counters),
      log_(log),
      breaker_(kFailuresToOpen, kFirstPause, kLongestPause),
      reader_(reapi.get()),
      reapi_(std::move(reapi)) {
  if (!options_.read_only) {
    UploaderOptions uploads;
    uploads.max_bytes = options_.max_upload_bytes;
    uploads.max_uploads = options_.max_uploads;
    uploads.min_rate = options_.min_rate;
    uploads.limits = [this] { return limits(); };
    uploader_ = std::make_unique<Uploader>(std::move(uploads), reapi_.get(),
                                           counters_, log_);
  }
  AskCapabilities();
}

RemoteCache::~RemoteCache() { reapi_->Stop(); }

void RemoteCache::AskCapabilities() {
  {
    absl::MutexLock lock(&mutex_);
    if (limits_known_ || limits_asked_) return;
    limits_asked_ = true;
  }
  reapi_->GetCapabilities(
      absl::Now() + kCapabilitiesLimit,
      [this](const absl::Status& status,
             const reapi::ServerCapabilities& capabilities) {
        OnCapabilities(status, capabilities);
      });
}

void RemoteCache::OnCapabilities(
    const absl::Status& status, const reapi::ServerCapabilities& capabilities) {
  // A server without this call is used with the default limits.
  const bool known = status.ok() || absl::IsUnimplemented(status);
  const ServerLimits limits =
      status.ok()
          ? LimitsOf(capabilities.cache_capabilities(), options_.compression)
          : ServerLimits();
  {
    absl::MutexLock lock(&mutex_);
    limits_asked_ = false;
    if (!known) return;
    limits_known_ = true;
    limits_ = limits;
  }
  if (!limits.usable) {
    log_->Error("remote cache: not used: the server does not know SHA-256");
    return;
  }
  log_->Info(absl::StrCat(
      "remote cache ", options_.server.endpoint.target, ": ",
      limits.max_batch_bytes, " bytes in a batch, ",
      limits.zstd_read ? "zstd" : "no compression", ", ",
      options_.read_only || !limits.update ? "read only" : "takes results"));
}

ServerLimits RemoteCache::limits() {
  absl::MutexLock lock(&mutex_);
  return limits_;
}

bool RemoteCache::Admits() {
  if (limits().usable && breaker_.Admits(absl::Now())) return true;
  counters_->Add(Counter::kRemoteSkipped);
  return false;
}

void RemoteCache::Note(const absl::Status& status) {
  if (status.ok() || absl::IsNotFound(status)) {
    breaker_.Succeeded();
    AskCapabilities();
    return;
  }
  if (absl::IsCancelled(status)) {
    breaker_.Abandoned();
    return;
  }
  counters_->Add(absl::IsDataLoss(status) ? Counter::kRemoteBad
                                          : Counter::kRemoteFailures);
  if (absl::IsDataLoss(status)) {
    log_->Warning(absl::StrCat("remote cache: ", status.message()));
  }
  if (breaker_.Failed(absl::Now())) {
    counters_->Add(Counter::kRemoteBreakerOpened);
    log_->Warning(absl::StrCat("remote cache: not asked for a while: ",
                               status.ToString()));
  }
}

absl::Duration RemoteCache::Budget() const {
  return options_.timeout +
         absl::Seconds(static_cast<double>(expected_bytes_) /
                       static_cast<double>(options_.min_rate));
}

void RemoteCache::Find(const v1::FindResultRequest& query, absl::Time deadline,
                       Found found) {
  auto lookup = std::make_shared<Lookup>();
  lookup->action = FinalizeAction(query).name;
  lookup->bytes = InputBytes(query);
  lookup->deadline = deadline;
  lookup->found = std::move(found);
  {
    absl::MutexLock lock(&mutex_);
    if (lookups_ == kMaxLookups) {
      waiting_.push_back(std::move(lookup));
      return;
    }
    ++lookups_;
  }
  StartLookup(lookup);
}

void RemoteCache::StartLookup(const LookupPtr& lookup) {
  if (!Admits()) {
    EndLookup(lookup, absl::UnavailableError("not asked"));
    return;
  }
  // We expect that the outputs are as large as the inputs.
  lookup->expected =
      std::make_unique<Expected>(lookup->bytes, &expected_bytes_);
  const absl::Time now = absl::Now();
  // If the lookup fails, the engine still needs time before the caller's
  // deadline.
  const absl::Time deadline =
      now + std::min(Budget(), (lookup->deadline - now) / 2);
  const auto done = [this, lookup](absl::StatusOr<Parts> parts) {
    Note(parts.status());
    if (absl::IsNotFound(parts.status())) {
      counters_->Add(Counter::kRemoteMisses);
    }
    EndLookup(lookup, std::move(parts));
  };
  AskParts(lookup->action, FinalizeOutputs(), FinalizeOutputs(),
           options_.max_btf_bytes, deadline,
           [this, deadline, done](absl::StatusOr<Parts> parts) {
             if (parts.ok()) {
               FetchParts(*std::move(parts), deadline, done);
             } else {
               done(parts.status());
             }
           });
}

void RemoteCache::EndLookup(const LookupPtr& lookup,
                            absl::StatusOr<Parts> parts) {
  lookup->expected = nullptr;
  // Starts the next lookup first: its question travels while this answer is
  // read.
  LookupPtr next;
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.empty()) {
      --lookups_;
    } else {
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
  }
  if (next != nullptr) StartLookup(next);
  if (!parts.ok()) {
    lookup->found(std::nullopt);
    return;
  }
  absl::StatusOr<v1::FinalizeResponse> response =
      DecodeResult(*std::move(parts));
  if (!response.ok()) {
    Note(response.status());
    lookup->found(std::nullopt);
    return;
  }
  counters_->Add(Counter::kRemoteHits);
  response->set_cached(true);
  lookup->found(*std::move(response));
}

void RemoteCache::AskParts(const BlobName& action,
                           std::vector<std::string> paths,
                           const std::vector<std::string>& inlined,
                           uint64_t max_bytes, absl::Time deadline,
                           GotParts done) {
  reapi::GetActionResultRequest request;
  action.To(request.mutable_action_digest());
  request.set_inline_stdout(true);
  request.set_inline_stderr(true);
  for (const std::string& path : inlined) request.add_inline_output_files(path);
  reapi_->GetActionResult(
      std::move(request), deadline,
      [paths = std::move(paths), max_bytes, done = std::move(done)](
          const absl::Status& status, reapi::ActionResult result) {
        if (!status.ok()) {
          done(status);
          return;
        }
        const std::vector<absl::string_view> names(paths.begin(), paths.end());
        done(PartsOf(std::move(result), names, max_bytes));
      });
}

void RemoteCache::FetchParts(Parts parts, absl::Time deadline, GotParts done) {
  std::vector<BlobName> names;
  std::vector<size_t> places;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].inlined) continue;
    names.push_back(parts[i].name);
    places.push_back(i);
  }
  if (names.empty()) {
    done(std::move(parts));
    return;
  }
  auto held = std::make_shared<Parts>(std::move(parts));
  reader_.Fetch(names, limits(), deadline,
                [held, places = std::move(places), done = std::move(done)](
                    absl::StatusOr<std::vector<std::string>> blobs) {
                  if (!blobs.ok()) {
                    done(blobs.status());
                    return;
                  }
                  for (size_t i = 0; i < places.size(); ++i) {
                    (*held)[places[i]].bytes = std::move((*blobs)[i]);
                  }
                  done(std::move(*held));
                });
}

bool RemoteCache::MayUpload() {
  const ServerLimits now = limits();
  return uploader_ != nullptr && now.usable && now.update;
}

void RemoteCache::Keep(const v1::FindResultRequest& query,
                       const v1::FinalizeRequest& request,
                       const v1::FinalizeResponse& response) {
  if (!MayUpload()) return;
  uint64_t bytes = response.btf().size() + response.btf_base().size() +
                   response.btf_ids().size();
  if (options_.upload_inputs) bytes += InputBytes(query);
  if (!uploader_->HasRoom(bytes)) return;

  Action action = FinalizeAction(query);
  Upload upload;
  upload.action = action.name;
  upload.blobs = std::move(action.blobs);
  upload.result = EncodeResult(response, &upload.blobs);
  if (options_.upload_inputs) {
    const auto add = [&](const v1::Content& content,
                         std::string content_bytes) {
      const auto digest = util::Digest::FromBinary(content.digest());
      if (!digest.ok()) return;
      upload.blobs.push_back(
          {{*digest, content.size()}, std::move(content_bytes)});
    };
    add(query.btf(), request.btf());
    if (query.has_distilled_base()) {
      add(query.distilled_base(), request.distilled_base());
    }
    if (query.has_ids()) add(query.ids(), request.ids().SerializeAsString());
  }
  uploader_->Add(std::move(upload));
}

bool RemoteCache::Finish(absl::Duration limit) {
  return uploader_ == nullptr || uploader_->Finish(limit);
}

void RemoteCache::Stop() { reapi_->Stop(); }

}  // namespace btfd::daemon::remote
