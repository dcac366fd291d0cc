// SPDX-License-Identifier: Apache-2.0
#include "lib/store/store.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "lib/store/bases.h"
#include "lib/store/results.h"
#include "lib/store/session.h"
#include "lib/store/writer.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

namespace {

constexpr const char* kFileName = "/btfd.sqlite3";

Database::Options DatabaseOptions(const StoreOptions& options) {
  Database::Options database;
  database.path = options.directory + kFileName;
  database.busy_timeout = options.busy_timeout;
  database.rollback_journal = options.rollback_journal;
  const char* const network = options.filesystem_type.has_value()
                                  ? NetworkFilesystem(*options.filesystem_type)
                                  : NetworkFilesystemOf(options.directory);
  if (network != nullptr) {
    database.rollback_journal = true;
    if (options.log != nullptr) {
      options.log->Warning(absl::StrCat(
          "store: ", options.directory, " is on a network file system (",
          network,
          "): SQLite's WAL is not used, so readers wait for writers; "
          "a store_dir on a local disk is faster"));
    }
  }
  database.max_page_count = options.max_page_count;
  database.log = options.log;
  database.counters = options.counters;
  return database;
}

}  // namespace

class Store::Impl {
 public:
  Impl(std::unique_ptr<Session> open_session, const StoreOptions& options)
      : path(options.directory + kFileName),
        session(std::move(open_session)),
        writer(session.get(), options) {}

  absl::StatusOr<util::Blob> GetBlob(const BlobName& name);

  const std::string path;
  const std::unique_ptr<Session> session;
  Writer writer;
};

absl::StatusOr<util::Blob> Store::Impl::GetBlob(const BlobName& name) {
  ASSIGN_OR_RETURN(StoredBlob stored,
                   session->Read([&](Connection* connection) {
                     return ReadBaseBlob(connection, name);
                   }));
  if (stored.intact) return std::move(stored.blob);
  const std::string text =
      absl::StrCat("store: part ", name.part, " of base ", name.digest.hex(),
                   " does not have its checksum; deleted");
  session->Report(Counter::kStoreChecksumFailures, text);
  RETURN_IF_ERROR(session->Write([&](Connection* connection) {
    return DeleteDamagedBlob(connection, name, stored);
  }));
  return absl::DataLossError(text);
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(StoreOptions options) {
  while (options.directory.size() > 1 && options.directory.back() == '/') {
    options.directory.pop_back();
  }
  RETURN_IF_ERROR(PrepareDirectory(options.directory));
  auto session = std::make_unique<Session>(DatabaseOptions(options));
  RETURN_IF_ERROR(session->Open());
  return absl::WrapUnique(
      new Store(std::make_unique<Impl>(std::move(session), options)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

absl::Status Store::PutBase(const util::Digest& digest, absl::string_view raw,
                            absl::string_view origin, uint32_t types) {
  const int64_t now = impl_->writer.UseTime();
  RETURN_IF_ERROR(impl_->session->Write([&](Connection* connection) {
    return PutBaseRow(connection, digest, raw, origin, types, now);
  }));
  impl_->writer.BasesGrew();
  return absl::OkStatus();
}

absl::Status Store::PutBaseIndex(const util::Digest& digest, IndexPart part,
                                 uint32_t version, absl::string_view blob) {
  const BlobName name = {digest, static_cast<int>(part), version};
  RETURN_IF_ERROR(impl_->session->Write([&](Connection* connection) {
    return PutIndexBlob(connection, name, blob);
  }));
  impl_->writer.BasesGrew();
  return absl::OkStatus();
}

absl::StatusOr<util::Blob> Store::GetBaseRaw(const util::Digest& digest) {
  return impl_->GetBlob({digest, kRawPart, 0});
}

absl::StatusOr<util::Blob> Store::GetBaseIndex(const util::Digest& digest,
                                               IndexPart part,
                                               uint32_t version) {
  return impl_->GetBlob({digest, static_cast<int>(part), version});
}

absl::StatusOr<std::vector<BaseRecord>> Store::ListBases() {
  return impl_->session->Read(ReadBases);
}

absl::Status Store::RemoveBase(const util::Digest& digest) {
  return impl_->session->Write(
      [&](Connection* connection) { return DeleteBase(connection, digest); });
}

void Store::TouchBase(const util::Digest& digest) {
  impl_->writer.UseBase(digest);
}

void Store::PutFileKey(const FileKey& key, const util::Digest& digest) {
  impl_->writer.PutFileKey(key, digest);
}

absl::StatusOr<util::Digest> Store::GetFileKey(const FileKey& key) {
  const auto pending = impl_->writer.FindFileKey(key);
  if (pending.has_value()) return *pending;
  ASSIGN_OR_RETURN(const StoredFileKey stored,
                   impl_->session->Read([&](Connection* connection) {
                     return ReadFileKey(connection, key);
                   }));
  if (stored.intact) return stored.digest;
  const absl::string_view text =
      "store: the row of a file key does not have its checksum";
  impl_->session->Report(Counter::kStoreChecksumFailures, text);
  return absl::DataLossError(text);
}

bool Store::PutResult(const util::Digest& key, std::string value,
                      std::string request) {
  return impl_->writer.PutResult(key, std::move(value), std::move(request));
}

absl::StatusOr<std::string> Store::GetResult(const util::Digest& key) {
  absl::StatusOr<std::string> result = PeekResult(key);
  if (result.ok()) impl_->writer.UseResult(key);
  return result;
}

absl::StatusOr<std::string> Store::PeekResult(const util::Digest& key) {
  const auto pending = impl_->writer.FindResult(key);
  if (pending.has_value()) {
    if (pending->value != nullptr) return *pending->value;
    return absl::NotFoundError("store: the result was removed");
  }
  ASSIGN_OR_RETURN(StoredResult stored,
                   impl_->session->Read([&](Connection* connection) {
                     return ReadResult(connection, key);
                   }));
  if (stored.intact) return std::move(stored.value);
  const std::string text = absl::StrCat("store: the result ", key.hex(),
                                        " does not have its checksum; deleted");
  impl_->session->Report(Counter::kStoreChecksumFailures, text);
  RETURN_IF_ERROR(impl_->session->Write([&](Connection* connection) {
    return DeleteDamagedResult(connection, stored);
  }));
  return absl::DataLossError(text);
}

absl::StatusOr<std::string> Store::GetRequest(const util::Digest& key) {
  const auto pending = impl_->writer.FindResult(key);
  if (pending.has_value()) {
    if (pending->bytes() > 0 && !pending->request->empty()) {
      return *pending->request;
    }
    return absl::NotFoundError("store: no such request");
  }
  ASSIGN_OR_RETURN(StoredRequest stored,
                   impl_->session->Read([&](Connection* connection) {
                     return ReadRequest(connection, key);
                   }));
  if (stored.intact) return std::move(stored.request);
  const std::string text =
      absl::StrCat("store: the request of result ", key.hex(),
                   " does not have its checksum; deleted");
  impl_->session->Report(Counter::kStoreChecksumFailures, text);
  RemoveResult(key);
  return absl::DataLossError(text);
}

void Store::RemoveResult(const util::Digest& key) {
  impl_->writer.RemoveResult(key);
}

absl::Status Store::ClearResults() {
  impl_->writer.DropPendingResults();
  RETURN_IF_ERROR(Flush());
  constexpr int kStep = 256;
  while (true) {
    ASSIGN_OR_RETURN(const Evicted deleted,
                     impl_->session->Write([](Connection* connection) {
                       return EvictResults(connection, UINT64_MAX, kStep);
                     }));
    if (deleted.results == 0) break;
  }
  // A user who clears the results wants the room on the disk back.
  constexpr int64_t kPagesKept = 64;
  for (int64_t last = INT64_MAX;;) {
    ASSIGN_OR_RETURN(
        const int64_t free,
        impl_->session->Write(
            [](Connection* connection) -> absl::StatusOr<int64_t> {
              RETURN_IF_ERROR(
                  connection->Run("PRAGMA incremental_vacuum(1024)"));  // 16 MB
              return connection->RunForInt("PRAGMA freelist_count");
            }));
    if (free <= kPagesKept || free >= last) return absl::OkStatus();
    last = free;
  }
}

absl::StatusOr<std::vector<util::Digest>> Store::ListResults(
    const util::Digest* after, int limit) {
  return impl_->session->Read([&](Connection* connection) {
    return ReadResultKeys(connection, after, limit);
  });
}

absl::StatusOr<ResultStatistics> Store::GetResultStatistics() {
  return impl_->session->Read(ReadResultStatistics);
}

void Store::AddCounters(const std::map<std::string, uint64_t>& deltas) {
  impl_->writer.AddCounters(deltas);
}

absl::StatusOr<std::map<std::string, uint64_t>> Store::GetCounters() {
  // Runs on the writing connection, so that it never sees half of a batch.
  return impl_->session->Write([this](Connection* connection) {
    auto counters = ReadCounters(connection);
    if (counters.ok()) impl_->writer.AddPendingCounters(&*counters);
    return counters;
  });
}

absl::Status Store::Flush() { return impl_->writer.Flush(); }

uint64_t Store::store_bytes() const { return BytesOnDisk(impl_->path); }

const std::string& Store::path() const { return impl_->path; }

}  // namespace btfd::store
