// SPDX-License-Identifier: Apache-2.0
//
// An index from the shared cache is used at once, because Load() accepts none
// that could lead a look-up out of the base. Whether it is the index of that
// base is checked in the background: the raw base is indexed here, too, and
// equal bases give equal blobs. The raw base is taken out of the index if the
// index contains it unchanged, and else fetched; its digest proves it in both
// cases. If the index is wrong, the one that was made here replaces it.
#include "daemon/bases/shared_bases.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/btf/format.h"
#include "lib/util/content_sample.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

constexpr int kBackgroundNice = 10;
// The time to index one type, if nobody has measured it for this base: 70 ms
// for the 126,000 types of a kernel.
constexpr absl::Duration kIndexingOfType = absl::Nanoseconds(500);
constexpr absl::Duration kIndexingFloor = absl::Milliseconds(10);

// The bytes of which a base was made, if they are a short header, the types and
// the strings, as for most kernels. Nothing if the digest shows that they are
// not.
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

// Lowers this thread's priority, so that modules that wait for the base go
// first. (On Linux the priority belongs to the thread. This thread does only
// work for which nobody waits.)
void StepBack() { setpriority(PRIO_PROCESS, 0, kBackgroundNice); }

}  // namespace

SharedBases::SharedBases(SharedCache* cache, store::Store* store,
                         store::Counters* counters, util::Log* log,
                         util::TaskQueue* background, Forget forget)
    : cache_(cache),
      store_(store),
      counters_(counters),
      log_(log),
      background_(background),
      forget_(std::move(forget)) {}

absl::StatusOr<std::string> SharedBases::FetchRaw(const util::Digest& digest) {
  absl::StatusOr<std::string> raw = cache_->FetchBase(digest);
  if (raw.ok()) return raw;
  return absl::NotFoundError(
      absl::StrCat("no base with digest ", digest.hex()));
}

void SharedBases::ExpectDedupIndex(const util::Digest& digest) {
  if (cache_ != nullptr) cache_->ExpectDedupIndex(digest);
}

absl::StatusOr<std::shared_ptr<const btf::Base>> SharedBases::LoadIndex(
    const util::Digest& digest) {
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(util::Blob blob,
                   cache_->FetchIndex(digest, store::IndexPart::kCore,
                                      absl::InfiniteDuration()));
  const size_t size = blob.size();
  auto base = btf::Base::Load(std::move(blob));
  if (!base.ok()) {
    NoteDefect("index of a base", base.status());
    return base.status();
  }
  log_->Info(absl::StrCat("base ", ShortName(digest),
                          " taken from the remote cache, ", size, " bytes in ",
                          absl::FormatDuration(absl::Now() - start)));
  return *std::move(base);
}

void SharedBases::NoteDefect(absl::string_view what,
                             const absl::Status& status) {
  counters_->Add(store::Counter::kRemoteBad);
  log_->Error(absl::StrCat("remote cache: ", what, ": ", status.message()));
}

void SharedBases::NoteStoreError(absl::string_view what,
                                 const absl::Status& status) {
  if (status.ok() || absl::IsNotFound(status)) return;
  log_->Warning(absl::StrCat("store: ", what, ": ", status.message()));
}

void SharedBases::ConfirmLater(const std::shared_ptr<BaseEntry>& entry) {
  background_->Run([this, entry] {
    if (entry->removed) return;
    StepBack();
    std::optional<std::string> contained = RawOf(*entry->base, entry->digest);
    const absl::StatusOr<std::string> raw =
        contained.has_value()
            ? absl::StatusOr<std::string>(*std::move(contained))
            : FetchRaw(entry->digest);
    if (!raw.ok()) return;  // fetched again once it is out of memory
    const auto built = btf::Base::Build(*raw);
    if (!built.ok()) {
      forget_(entry);
      NoteDefect("a base", built.status());
      return;
    }
    {
      absl::MutexLock lock(&entry->making);
      entry->raw_bytes = raw->size();
      entry->sample = util::SampleOf(*raw);
    }
    const bool equal = (*built)->blob() == entry->base->blob();
    // The entry goes out of use first, and the defect is noted when the right
    // index is in place.
    if (!equal) forget_(entry);
    if (store_ != nullptr) {
      NoteStoreError("base", store_->PutBase(entry->digest, *raw, entry->origin,
                                             (*built)->end_id() - 1));
      NoteStoreError(
          "index of a base",
          store_->PutBaseIndex(entry->digest, store::IndexPart::kCore,
                               kIndexVersion, (*built)->blob()));
    }
    if (!equal) {
      NoteDefect("index of a base",
                 absl::DataLossError("not that base's: replaced"));
    }
  });
}

std::shared_ptr<const btf::DedupIndex> SharedBases::LoadDedupIndex(
    const std::shared_ptr<BaseEntry>& entry) {
  if (cache_ == nullptr) return nullptr;
  // The fetch may have begun before the base was indexed. It is worth waiting
  // for as long as building the dedup index would take. That is about twice as
  // long as indexing the base, which another host did if the base came from
  // there or from the store.
  const absl::Duration indexing =
      std::min(entry->indexed_in,
               kIndexingFloor + kIndexingOfType * entry->base->end_id());
  absl::StatusOr<util::Blob> blob =
      cache_->FetchIndex(entry->digest, store::IndexPart::kDedup, 2 * indexing);
  if (!blob.ok()) return nullptr;
  auto loaded = btf::DedupIndex::Load(*std::move(blob), *entry->base);
  if (!loaded.ok()) {
    NoteDefect("dedup index of a base", loaded.status());
    return nullptr;
  }
  ConfirmDedupLater(entry, *loaded);
  return *std::move(loaded);
}

void SharedBases::ConfirmDedupLater(
    const std::shared_ptr<BaseEntry>& entry,
    std::shared_ptr<const btf::DedupIndex> index) {
  background_->Run([this, entry, index = std::move(index)] {
    if (entry->removed) return;
    StepBack();
    const auto built = btf::DedupIndex::Build(*entry->base);
    const bool equal = built.ok() && (*built)->blob() == index->blob();
    if (!equal) forget_(entry);
    if (store_ != nullptr && built.ok()) {
      NoteStoreError(
          "dedup index of a base",
          store_->PutBaseIndex(entry->digest, store::IndexPart::kDedup,
                               kIndexVersion, (*built)->blob()));
    }
    if (!equal) {
      NoteDefect("dedup index of a base",
                 absl::DataLossError("not that base's: replaced"));
    }
  });
}

void SharedBases::OfferBase(const std::shared_ptr<BaseEntry>& entry,
                            absl::string_view raw) {
  if (cache_ == nullptr) return;
  background_->Run([this, entry, raw = std::string(raw)] {
    if (entry->removed) return;
    cache_->OfferIndex(entry->digest, store::IndexPart::kCore,
                       entry->base->blob(), [&]() -> std::string {
                         if (!raw.empty() || store_ == nullptr) return raw;
                         const auto stored = store_->GetBaseRaw(entry->digest);
                         return stored.ok() ? std::string(stored->view())
                                            : std::string();
                       });
  });
}

void SharedBases::OfferDedupIndex(const std::shared_ptr<BaseEntry>& entry) {
  if (cache_ == nullptr) return;
  background_->Run([this, entry] {
    if (entry->removed) return;
    // The thread that offers it sets it, perhaps a moment after it asked for
    // that.
    std::shared_ptr<const btf::DedupIndex> index;
    {
      absl::MutexLock lock(&entry->making_dedup);
      index = entry->dedup;
    }
    if (index == nullptr) return;
    cache_->OfferIndex(entry->digest, store::IndexPart::kDedup, index->blob(),
                       [] { return std::string(); });
  });
}

}  // namespace btfd::daemon
