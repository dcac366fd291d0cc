// SPDX-License-Identifier: Apache-2.0
//
// There are two kinds of locks. The registry's own lock guards the table and
// who holds which entry; nobody works while holding it. Each entry has locks
// that are held while its base or its dedup index is made, so that other
// threads that want it wait for exactly that. An entry is held if somebody
// besides the table shares it. New holders appear only under the registry's
// lock, so an entry that nobody holds there can be removed.
#include "daemon/bases/registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "daemon/bases/base_entry.h"
#include "lib/util/content_sample.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

// How long to wait until the bytes of a base are stored.
constexpr absl::Duration kSaveLimit = absl::Seconds(5);
// How often the store is told that a base is in use.
constexpr int64_t kTouchEveryNs = 60'000'000'000;
// The origin that is shown for a base from the shared cache.
constexpr char kSharedOrigin[] = "the remote cache";

}  // namespace

const util::Digest& BaseRegistry::Handle::digest() const {
  return entry_->digest;
}

const btf::Base& BaseRegistry::Handle::base() const { return *entry_->base; }

absl::StatusOr<const btf::DedupIndex*> BaseRegistry::Handle::dedup_index()
    const {
  return registry_->DedupIndexOf(entry_);
}

BaseRegistry::BaseRegistry(uint64_t max_resident_bytes, store::Store* store,
                           store::Counters* counters, util::Log* log,
                           SharedCache* shared)
    : max_resident_bytes_(max_resident_bytes),
      store_(store),
      counters_(counters),
      log_(log),
      shared_(
          shared, store, counters, log, &saver_,
          [this](const std::shared_ptr<BaseEntry>& entry) { Forget(entry); }) {}

std::shared_ptr<BaseEntry> BaseRegistry::FindOrMake(
    const util::Digest& digest) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<BaseEntry>& entry = entries_[digest];
  if (entry == nullptr) entry = std::make_shared<BaseEntry>(digest);
  entry->last_used_ns = absl::GetCurrentTimeNanos();
  return entry;
}

// Called after an attempt to make a base. If it failed, the entry leaves the
// table, and the next request tries again. If it succeeded, the entry must be
// in the table; a failed attempt just before may have removed it.
absl::Status BaseRegistry::Settle(const std::shared_ptr<BaseEntry>& entry,
                                  const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(entry->digest);
    if (status.ok() && found == entries_.end()) {
      entries_.emplace(entry->digest, entry);
    } else if (!status.ok() && found != entries_.end() &&
               found->second == entry && !entry->resident) {
      entries_.erase(found);
    }
  }
  if (status.ok()) Trim();
  return status;
}

absl::StatusOr<BaseRegistry::Handle> BaseRegistry::Acquire(
    const util::Digest& digest) {
  return Obtain(digest, /*ask_shared=*/false);
}

absl::StatusOr<BaseRegistry::Handle> BaseRegistry::Fetch(
    const util::Digest& digest) {
  return Obtain(digest, /*ask_shared=*/shared_.enabled());
}

absl::StatusOr<BaseRegistry::Handle> BaseRegistry::Obtain(
    const util::Digest& digest, bool ask_shared) {
  const std::shared_ptr<BaseEntry> entry = FindOrMake(digest);
  if (!entry->resident) {
    absl::Status status;
    {
      absl::MutexLock lock(&entry->making);
      if (!entry->resident) status = Load(entry);
      if (ask_shared && absl::IsNotFound(status)) status = LoadShared(entry);
    }
    RETURN_IF_ERROR(Settle(entry, status));
  }
  return Hold(entry);
}

absl::StatusOr<BaseRegistry::Handle> BaseRegistry::Add(
    const util::Digest& digest, std::string raw, absl::string_view origin) {
  const std::shared_ptr<BaseEntry> entry = FindOrMake(digest);
  if (!entry->resident) {
    absl::Status status;
    {
      absl::MutexLock lock(&entry->making);
      if (!entry->resident) {
        entry->origin = std::string(origin);
        status = Index(entry, raw);
        if (status.ok()) {
          shared_.OfferBase(entry, raw);
          SaveRaw(entry, std::move(raw));
          SaveIndex(entry, store::IndexPart::kCore);
        }
      }
    }
    RETURN_IF_ERROR(Settle(entry, status));
  }
  return Hold(entry);
}

BaseRegistry::Handle BaseRegistry::Hold(
    const std::shared_ptr<BaseEntry>& entry) {
  entry->requests.fetch_add(1, std::memory_order_relaxed);
  const int64_t now = absl::GetCurrentTimeNanos();
  if (store_ != nullptr && now - entry->last_touch_ns > kTouchEveryNs) {
    entry->last_touch_ns = now;
    store_->TouchBase(entry->digest);
  }
  return Handle(this, entry);
}

// Precondition: the caller holds entry->making, also for Index().
absl::Status BaseRegistry::Load(const std::shared_ptr<BaseEntry>& entry) {
  const absl::Status unknown = absl::NotFoundError(
      absl::StrCat("no base with digest ", entry->digest.hex()));
  if (store_ == nullptr) return unknown;

  absl::StatusOr<util::Blob> core = store_->GetBaseIndex(
      entry->digest, store::IndexPart::kCore, kIndexVersion);
  if (core.ok()) {
    auto base = btf::Base::Load(*std::move(core));
    if (base.ok()) {
      counters_->Add(store::Counter::kBasesLoaded);
      log_->Info(absl::StrCat("base ", ShortName(entry->digest),
                              " taken from the store"));
      SetBase(entry.get(), *std::move(base));
      shared_.OfferBase(entry, "");
      return absl::OkStatus();
    }
    NoteStoreError("index of a base", base.status());
  } else {
    NoteStoreError("index of a base", core.status());
  }

  const absl::StatusOr<util::Blob> raw = store_->GetBaseRaw(entry->digest);
  if (!raw.ok()) {
    NoteStoreError("base", raw.status());
    return unknown;
  }
  RETURN_IF_ERROR(Index(entry, raw->view()));
  SaveIndex(entry, store::IndexPart::kCore);
  return absl::OkStatus();
}

// Precondition: the caller holds entry->making.
absl::Status BaseRegistry::LoadShared(const std::shared_ptr<BaseEntry>& entry) {
  entry->origin = kSharedOrigin;
  auto base = shared_.LoadIndex(entry->digest);
  if (base.ok()) {
    SetBase(entry.get(), *std::move(base));
    shared_.ConfirmLater(entry);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::string raw, shared_.FetchRaw(entry->digest));
  RETURN_IF_ERROR(Index(entry, raw));
  shared_.OfferBase(entry, raw);
  SaveRaw(entry, std::move(raw));
  SaveIndex(entry, store::IndexPart::kCore);
  return absl::OkStatus();
}

void BaseRegistry::Forget(const std::shared_ptr<BaseEntry>& entry) {
  absl::MutexLock lock(&mutex_);
  entry->removed = true;
  const auto found = entries_.find(entry->digest);
  if (found != entries_.end() && found->second == entry) entries_.erase(found);
}

absl::Status BaseRegistry::Index(const std::shared_ptr<BaseEntry>& entry,
                                 absl::string_view raw) {
  const absl::Time start = absl::Now();
  shared_.ExpectDedupIndex(entry->digest);
  ASSIGN_OR_RETURN(auto base, btf::Base::Build(raw));
  entry->indexed_in = absl::Now() - start;
  counters_->Add(store::Counter::kBasesBuilt);
  log_->Info(absl::StrFormat(
      "base %s indexed: %d types, %d bytes, in %s", ShortName(entry->digest),
      base->end_id() - 1, raw.size(), absl::FormatDuration(entry->indexed_in)));
  entry->raw_bytes = raw.size();
  entry->sample = util::SampleOf(raw);
  SetBase(entry.get(), std::move(base));
  return absl::OkStatus();
}

void BaseRegistry::SetBase(BaseEntry* entry,
                           std::shared_ptr<const btf::Base> base) {
  entry->bytes += base->blob().size();
  entry->base = std::move(base);
  entry->resident = true;
}

absl::StatusOr<const btf::DedupIndex*> BaseRegistry::DedupIndexOf(
    const std::shared_ptr<BaseEntry>& entry) {
  if (entry->dedup_ready) return entry->dedup.get();
  {
    absl::MutexLock lock(&entry->making_dedup);
    if (entry->dedup_ready) return entry->dedup.get();
    ASSIGN_OR_RETURN(entry->dedup, LoadOrBuildDedupIndex(entry));
    entry->bytes += entry->dedup->blob().size();
    entry->dedup_ready = true;
  }
  Trim();
  return entry->dedup.get();
}

absl::StatusOr<std::shared_ptr<const btf::DedupIndex>>
BaseRegistry::LoadOrBuildDedupIndex(const std::shared_ptr<BaseEntry>& entry) {
  if (store_ != nullptr) {
    absl::StatusOr<util::Blob> blob = store_->GetBaseIndex(
        entry->digest, store::IndexPart::kDedup, kIndexVersion);
    if (blob.ok()) {
      auto loaded = btf::DedupIndex::Load(*std::move(blob), *entry->base);
      if (loaded.ok()) {
        shared_.OfferDedupIndex(entry);
        return loaded;
      }
      NoteStoreError("dedup index of a base", loaded.status());
    } else {
      NoteStoreError("dedup index of a base", blob.status());
    }
  }
  if (auto shared = shared_.LoadDedupIndex(entry)) return shared;
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(auto built, btf::DedupIndex::Build(*entry->base));
  log_->Info(absl::StrCat("dedup index of base ", ShortName(entry->digest),
                          " made in ",
                          absl::FormatDuration(absl::Now() - start)));
  SaveIndex(entry, store::IndexPart::kDedup);
  shared_.OfferDedupIndex(entry);
  return built;
}

void BaseRegistry::SaveRaw(const std::shared_ptr<BaseEntry>& entry,
                           std::string raw) {
  if (store_ == nullptr) return;
  saver_.Run([this, entry, raw = std::move(raw)] {
    if (entry->removed) return;
    NoteStoreError("base", store_->PutBase(entry->digest, raw, entry->origin,
                                           entry->base->end_id() - 1));
  });
}

void BaseRegistry::SaveIndex(const std::shared_ptr<BaseEntry>& entry,
                             store::IndexPart part) {
  if (store_ == nullptr) return;
  saver_.Run([this, entry, part] {
    if (entry->removed) return;
    if (part == store::IndexPart::kCore) {
      NoteStoreError("index of a base",
                     store_->PutBaseIndex(entry->digest, part, kIndexVersion,
                                          entry->base->blob()));
      return;
    }
    // The thread that asked for saving sets it, perhaps a moment after the save
    // began.
    absl::MutexLock lock(&entry->making_dedup);
    if (!entry->dedup_ready) return;
    NoteStoreError("dedup index of a base",
                   store_->PutBaseIndex(entry->digest, part, kIndexVersion,
                                        entry->dedup->blob()));
  });
}

void BaseRegistry::NoteStoreError(absl::string_view what,
                                  const absl::Status& status) {
  if (status.ok() || absl::IsNotFound(status)) return;
  log_->Warning(absl::StrCat("store: ", what, ": ", status.message()));
}

absl::StatusOr<util::Blob> BaseRegistry::Raw(const util::Digest& digest) {
  if (store_ == nullptr) return absl::NotFoundError("there is no store");
  absl::StatusOr<util::Blob> raw = store_->GetBaseRaw(digest);
  if (raw.ok() || !absl::IsNotFound(raw.status())) return raw;
  // The base may have come just now, and may be on its way to the store.
  saver_.Finish(kSaveLimit);
  return store_->GetBaseRaw(digest);
}

std::string BaseRegistry::SampleOf(const util::Digest& digest) {
  std::shared_ptr<BaseEntry> entry;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(digest);
    if (found != entries_.end()) entry = found->second;
  }
  if (entry != nullptr) {
    absl::MutexLock lock(&entry->making);
    if (!entry->sample.empty()) return entry->sample;
  }
  if (store_ == nullptr) return "";
  const absl::StatusOr<util::Blob> raw = store_->GetBaseRaw(digest);
  if (!raw.ok()) return "";
  std::string sample = util::SampleOf(raw->view());
  if (entry != nullptr) {
    absl::MutexLock lock(&entry->making);
    entry->sample = sample;
  }
  return sample;
}

std::vector<BaseDescription> BaseRegistry::List() {
  absl::flat_hash_map<util::Digest, store::BaseRecord> stored;
  if (store_ != nullptr) {
    auto records = store_->ListBases();
    NoteStoreError("list of bases", records.status());
    if (records.ok()) {
      for (store::BaseRecord& record : *records) {
        stored.emplace(record.digest, std::move(record));
      }
    }
  }
  std::vector<BaseDescription> list;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [digest, entry] : entries_) {
      if (!entry->resident) continue;
      BaseDescription description;
      description.digest = digest;
      description.origin = entry->origin;
      description.types = entry->base->end_id() - 1;
      description.raw_bytes = entry->raw_bytes;
      description.resident_bytes = entry->bytes;
      description.dedup_ready = entry->dedup_ready;
      description.requests = entry->requests;
      description.last_used_unix = entry->last_used_ns / 1'000'000'000;
      const auto record = stored.find(digest);
      if (record != stored.end()) {
        description.origin = record->second.origin;
        description.raw_bytes = record->second.raw_bytes;
        stored.erase(record);
      }
      list.push_back(std::move(description));
    }
  }
  for (auto& [digest, record] : stored) {
    BaseDescription description;
    description.digest = digest;
    description.origin = record.origin;
    description.types = record.types;
    description.raw_bytes = record.raw_bytes;
    description.last_used_unix = record.last_used_unix;
    list.push_back(std::move(description));
  }
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    if ((a.resident_bytes > 0) != (b.resident_bytes > 0)) {
      return a.resident_bytes > 0;
    }
    if (a.last_used_unix != b.last_used_unix) {
      return a.last_used_unix > b.last_used_unix;
    }
    return a.digest < b.digest;
  });
  return list;
}

absl::Status BaseRegistry::Remove(absl::string_view digest_prefix) {
  std::vector<util::Digest> matches;
  for (const BaseDescription& base : List()) {
    if (absl::StartsWith(base.digest.binary(), digest_prefix)) {
      matches.push_back(base.digest);
    }
  }
  if (matches.empty()) return absl::NotFoundError("no base with that digest");
  if (matches.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the digest's beginning means ", matches.size(), " bases: ",
        ShortName(matches[0]), ", ", ShortName(matches[1]), " ..."));
  }
  std::shared_ptr<BaseEntry> entry;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(matches[0]);
    if (found != entries_.end()) {
      entry = std::move(found->second);
      entry->removed = true;
      entries_.erase(found);
    }
  }
  log_->Info(absl::StrCat("base ", ShortName(matches[0]), " removed"));
  return store_ == nullptr ? absl::OkStatus() : store_->RemoveBase(matches[0]);
}

void BaseRegistry::Trim() {
  // They are freed after the lock is released.
  std::vector<std::shared_ptr<BaseEntry>> evicted;
  absl::MutexLock lock(&mutex_);
  uint64_t total = 0;
  for (const auto& [digest, entry] : entries_) total += entry->bytes;
  while (total > max_resident_bytes_) {
    std::shared_ptr<BaseEntry>* oldest = nullptr;
    for (auto& [digest, entry] : entries_) {
      if (!entry->resident || entry.use_count() > 1) continue;
      if (oldest == nullptr || entry->last_used_ns < (*oldest)->last_used_ns) {
        oldest = &entry;
      }
    }
    if (oldest == nullptr) return;
    const util::Digest digest = (*oldest)->digest;
    total -= (*oldest)->bytes;
    evicted.push_back(std::move(*oldest));
    entries_.erase(digest);
    counters_->Add(store::Counter::kBasesEvicted);
    log_->Info(absl::StrCat("base ", ShortName(digest),
                            " dropped from memory for room"));
  }
}

}  // namespace btfd::daemon
