// SPDX-License-Identifier: Apache-2.0
//
// Bases by way of the shared cache. An index that comes from there serves at
// once, since Load() lets nothing in that could lead astray; whether it is the
// index of that base is seen in the background: the raw base, out of the index
// if it is in there as it was and else fetched (its digest proves it either
// way), is indexed as well, and equal bases give equal blobs.
// An index that is not confirmed is replaced by the one that was made here.
#include <sys/resource.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/bases/registry.h"
#include "daemon/bases/registry_entry.h"
#include "lib/btf/format.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

constexpr char kOrigin[] = "the remote cache";
constexpr int kBackgroundNice = 10;

// The bytes that a base was made of, if they were a short header, the types and
// the strings, as most kernels' are; nothing if their digest says otherwise.
std::optional<std::string> RawOf(const btf::Base& base,
                                 const util::Digest& digest) {
  if (base.foreign_endian()) return std::nullopt;
  const btf::TypeTable& table = base.table();
  const uint32_t* const first = table.words + table.offsets[1];
  const uint32_t* const end = table.words + table.offsets[table.end];
  btf::Header header = {};
  header.magic = btf::kMagic;
  header.version = btf::kVersion;
  header.hdr_len = btf::kClassicHeaderSize;
  header.type_len = static_cast<uint32_t>(end - first) * 4;
  header.str_off = header.type_len;
  header.str_len = table.str_len;
  std::string raw(reinterpret_cast<const char*>(&header), header.hdr_len);
  raw.append(reinterpret_cast<const char*>(first), header.type_len);
  raw.append(table.strings, table.str_len);
  if (util::Digest::Of(raw) != digest) return std::nullopt;
  return raw;
}

// The modules that wait for the base go first. (On Linux this is the thread's
// own; it only ever does what nobody waits for.)
void StepBack() { setpriority(PRIO_PROCESS, 0, kBackgroundNice); }

}  // namespace

// Precondition: entry->making is held, and so in LoadSharedIndex.
absl::Status BaseRegistry::LoadShared(const std::shared_ptr<Entry>& entry) {
  entry->origin = kOrigin;
  const absl::Status indexed = LoadSharedIndex(entry);
  if (indexed.ok()) {
    ConfirmLater(entry);
    return indexed;
  }
  ASSIGN_OR_RETURN(std::string raw, FetchRaw(entry));
  RETURN_IF_ERROR(Index(entry, raw));
  OfferBase(entry, raw);
  SaveRaw(entry, std::move(raw));
  SaveIndex(entry, store::IndexPart::kCore);
  return absl::OkStatus();
}

absl::StatusOr<std::string> BaseRegistry::FetchRaw(
    const std::shared_ptr<Entry>& entry) {
  absl::StatusOr<std::string> raw = shared_->FetchBase(entry->digest);
  if (raw.ok()) return raw;
  return absl::NotFoundError(
      absl::StrCat("no base with digest ", entry->digest.hex()));
}

absl::Status BaseRegistry::LoadSharedIndex(
    const std::shared_ptr<Entry>& entry) {
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(util::Blob blob,
                   shared_->FetchIndex(entry->digest, store::IndexPart::kCore,
                                       absl::InfiniteDuration()));
  const size_t size = blob.size();
  auto base = btf::Base::Load(std::move(blob));
  if (!base.ok()) {
    NoteSharedDefect("index of a base", base.status());
    return base.status();
  }
  SetBase(entry.get(), *std::move(base));
  log_->Info(absl::StrCat("base ", ShortName(entry->digest),
                          " taken from the remote cache, ", size, " bytes in ",
                          absl::FormatDuration(absl::Now() - start)));
  return absl::OkStatus();
}

void BaseRegistry::NoteSharedDefect(absl::string_view what,
                                    const absl::Status& status) {
  counters_->Add(store::Counter::kRemoteBad);
  log_->Error(absl::StrCat("remote cache: ", what, ": ", status.message()));
}

void BaseRegistry::ConfirmLater(const std::shared_ptr<Entry>& entry) {
  saver_.Run([this, entry] {
    if (entry->removed) return;
    StepBack();
    std::optional<std::string> contained = RawOf(*entry->base, entry->digest);
    const absl::StatusOr<std::string> raw =
        contained.has_value()
            ? absl::StatusOr<std::string>(*std::move(contained))
            : FetchRaw(entry);
    if (!raw.ok()) return;  // to be fetched again once it is out of memory
    const auto built = btf::Base::Build(*raw);
    if (!built.ok()) {
      Forget(entry);
      NoteSharedDefect("a base", built.status());
      return;
    }
    {
      absl::MutexLock lock(&entry->making);
      entry->raw_bytes = raw->size();
    }
    const bool equal = (*built)->blob() == entry->base->blob();
    // Out of use first, and told when the right one is in its place.
    if (!equal) Forget(entry);
    if (store_ != nullptr) {
      NoteStoreError("base", store_->PutBase(entry->digest, *raw, entry->origin,
                                             (*built)->end_id() - 1));
      NoteStoreError(
          "index of a base",
          store_->PutBaseIndex(entry->digest, store::IndexPart::kCore,
                               kIndexVersion, (*built)->blob()));
    }
    if (!equal) {
      NoteSharedDefect("index of a base",
                       absl::DataLossError("not that base's: replaced"));
    }
  });
}

void BaseRegistry::Forget(const std::shared_ptr<Entry>& entry) {
  absl::MutexLock lock(&mutex_);
  entry->removed = true;
  const auto found = entries_.find(entry->digest);
  if (found != entries_.end() && found->second == entry) entries_.erase(found);
}

std::shared_ptr<const btf::DedupIndex> BaseRegistry::LoadSharedDedupIndex(
    const std::shared_ptr<Entry>& entry) {
  if (shared_ == nullptr) return nullptr;
  // It was asked for before the base was indexed. To wait for it is worth as
  // long as it takes to make it, and that is about twice as long as the other.
  absl::StatusOr<util::Blob> blob = shared_->FetchIndex(
      entry->digest, store::IndexPart::kDedup, 2 * entry->indexed_in);
  if (!blob.ok()) return nullptr;
  auto loaded = btf::DedupIndex::Load(*std::move(blob), *entry->base);
  if (!loaded.ok()) {
    NoteSharedDefect("dedup index of a base", loaded.status());
    return nullptr;
  }
  ConfirmDedupLater(entry, *loaded);
  return *std::move(loaded);
}

void BaseRegistry::ConfirmDedupLater(
    const std::shared_ptr<Entry>& entry,
    std::shared_ptr<const btf::DedupIndex> index) {
  saver_.Run([this, entry, index = std::move(index)] {
    if (entry->removed) return;
    StepBack();
    const auto built = btf::DedupIndex::Build(*entry->base);
    const bool equal = built.ok() && (*built)->blob() == index->blob();
    if (!equal) Forget(entry);
    if (store_ != nullptr && built.ok()) {
      NoteStoreError(
          "dedup index of a base",
          store_->PutBaseIndex(entry->digest, store::IndexPart::kDedup,
                               kIndexVersion, (*built)->blob()));
    }
    if (!equal) {
      NoteSharedDefect("dedup index of a base",
                       absl::DataLossError("not that base's: replaced"));
    }
  });
}

void BaseRegistry::OfferBase(const std::shared_ptr<Entry>& entry,
                             absl::string_view raw) {
  if (shared_ == nullptr) return;
  saver_.Run([this, entry, raw = std::string(raw)] {
    if (entry->removed) return;
    shared_->OfferIndex(entry->digest, store::IndexPart::kCore,
                        entry->base->blob(), [&]() -> std::string {
                          if (!raw.empty() || store_ == nullptr) return raw;
                          const auto stored = store_->GetBaseRaw(entry->digest);
                          return stored.ok() ? std::string(stored->view())
                                             : std::string();
                        });
  });
}

void BaseRegistry::OfferDedupIndex(const std::shared_ptr<Entry>& entry) {
  if (shared_ == nullptr) return;
  saver_.Run([this, entry] {
    if (entry->removed) return;
    // Set by whoever offers it, perhaps a moment after it asked.
    std::shared_ptr<const btf::DedupIndex> index;
    {
      absl::MutexLock lock(&entry->making_dedup);
      index = entry->dedup;
    }
    if (index == nullptr) return;
    shared_->OfferIndex(entry->digest, store::IndexPart::kDedup, index->blob(),
                        [] { return std::string(); });
  });
}

}  // namespace btfd::daemon
