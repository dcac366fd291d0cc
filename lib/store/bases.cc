// SPDX-License-Identifier: Apache-2.0
#include "lib/store/bases.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "lib/store/checksum.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

namespace {

std::string NameForChecksum(const BlobName& name) {
  return absl::StrCat("base ", name.part, " ", name.version, " ",
                      name.digest.binary());
}

absl::StatusOr<absl::optional<int64_t>> FindBase(Connection* connection,
                                                 const util::Digest& digest) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("SELECT id FROM bases WHERE digest = ?1"));
  Query query(statement);
  ASSIGN_OR_RETURN(const bool found, query.BindBlob(1, digest.binary()).Step());
  if (!found) return absl::optional<int64_t>();
  return absl::optional<int64_t>(query.Int(0));
}

absl::Status WriteBlob(Connection* connection, int64_t base_id,
                       const BlobName& name, absl::string_view blob) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("INSERT OR REPLACE INTO base_blobs"
                          "(base_id, part, version, size, checksum, data)"
                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"));
  const std::string checksum = Checksum(NameForChecksum(name), blob);
  return Query(statement)
      .Bind(1, base_id)
      .Bind(2, name.part)
      .Bind(3, name.version)
      .Bind(4, blob.size())
      .BindBlob(5, checksum)
      .BindBlob(6, blob)
      .Run();
}

// Runs within the caller's transaction.
absl::Status DeleteBaseById(Connection* connection, int64_t id) {
  for (const char* sql : {"DELETE FROM file_keys WHERE digest ="
                          " (SELECT digest FROM bases WHERE id = ?1)",
                          "DELETE FROM base_blobs WHERE base_id = ?1",
                          "DELETE FROM bases WHERE id = ?1"}) {
    ASSIGN_OR_RETURN(sqlite3_stmt * statement, connection->Prepare(sql));
    RETURN_IF_ERROR(Query(statement).Bind(1, id).Run());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PutBaseRow(Connection* connection, const util::Digest& digest,
                        absl::string_view raw, absl::string_view origin,
                        uint32_t types, int64_t now) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare(
          "INSERT INTO bases(digest, origin, types, last_used)"
          " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(digest) DO UPDATE SET"
          " origin = ?2, types = ?3, last_used = ?4"));
  RETURN_IF_ERROR(Query(statement)
                      .BindBlob(1, digest.binary())
                      .BindText(2, origin)
                      .Bind(3, types)
                      .Bind(4, now)
                      .Run());
  ASSIGN_OR_RETURN(const absl::optional<int64_t> id,
                   FindBase(connection, digest));
  if (!id.has_value()) return absl::DataLossError("store: a new base is lost");
  RETURN_IF_ERROR(WriteBlob(connection, *id, {digest, kRawPart, 0}, raw));
  return transaction.Commit();
}

absl::Status PutIndexBlob(Connection* connection, const BlobName& name,
                          absl::string_view blob) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  ASSIGN_OR_RETURN(const absl::optional<int64_t> id,
                   FindBase(connection, name.digest));
  if (!id.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("store: no base ", name.digest.hex(), " to index"));
  }
  RETURN_IF_ERROR(WriteBlob(connection, *id, name, blob));
  return transaction.Commit();
}

absl::StatusOr<StoredBlob> ReadBaseBlob(Connection* connection,
                                        const BlobName& name) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare(
          "SELECT b.id, b.base_id, b.checksum FROM bases JOIN base_blobs b"
          " ON b.base_id = bases.id AND b.part = ?2"
          " WHERE bases.digest = ?1 AND b.version = ?3"));
  // The query stays on its row while the blob is read, so that both see the
  // same state of the file.
  Query query(statement);
  ASSIGN_OR_RETURN(const bool found, query.BindBlob(1, name.digest.binary())
                                         .Bind(2, name.part)
                                         .Bind(3, name.version)
                                         .Step());
  if (!found) {
    return absl::NotFoundError(absl::StrCat("store: base ", name.digest.hex(),
                                            " has no part ", name.part,
                                            " of version ", name.version));
  }
  StoredBlob stored;
  stored.id = query.Int(0);
  stored.base_id = query.Int(1);
  stored.checksum = std::string(query.Bytes(2));
  ASSIGN_OR_RETURN(stored.blob,
                   connection->ReadBlob("base_blobs", "data", stored.id));
  stored.intact =
      stored.checksum == Checksum(NameForChecksum(name), stored.blob.view());
  return stored;
}

absl::Status DeleteDamagedBlob(Connection* connection, const BlobName& name,
                               const StoredBlob& damaged) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  {
    ASSIGN_OR_RETURN(
        sqlite3_stmt * statement,
        connection->Prepare(
            "DELETE FROM base_blobs WHERE id = ?1 AND checksum = ?2"));
    RETURN_IF_ERROR(Query(statement)
                        .Bind(1, damaged.id)
                        .BindBlob(2, damaged.checksum)
                        .Run());
  }
  if (name.part == kRawPart && connection->changes() > 0) {
    RETURN_IF_ERROR(DeleteBaseById(connection, damaged.base_id));
  }
  return transaction.Commit();
}

absl::StatusOr<std::vector<BaseRecord>> ReadBases(Connection* connection) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare(
          "SELECT bases.digest, bases.origin, bases.types, bases.last_used,"
          " sum(CASE WHEN b.part = 0 THEN b.size ELSE 0 END), sum(b.size)"
          " FROM bases JOIN base_blobs b ON b.base_id = bases.id"
          " GROUP BY bases.id ORDER BY bases.last_used DESC"));
  Query query(statement);
  std::vector<BaseRecord> records;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return records;
    auto digest = util::Digest::FromBinary(query.Bytes(0));
    // Nobody can ask for a key of the wrong length.
    if (!digest.ok()) continue;
    BaseRecord record;
    record.digest = *digest;
    record.origin = std::string(query.Bytes(1));
    record.types = static_cast<uint32_t>(query.Int(2));
    record.last_used_unix = query.Int(3) / 1000000;
    record.raw_bytes = query.Int(4);
    record.stored_bytes = query.Int(5);
    records.push_back(std::move(record));
  }
}

absl::Status DeleteBase(Connection* connection, const util::Digest& digest) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  ASSIGN_OR_RETURN(const absl::optional<int64_t> id,
                   FindBase(connection, digest));
  if (!id.has_value()) return absl::OkStatus();
  RETURN_IF_ERROR(DeleteBaseById(connection, *id));
  return transaction.Commit();
}

absl::StatusOr<bool> EvictOneBase(Connection* connection, uint64_t max_bytes) {
  ASSIGN_OR_RETURN(
      const int64_t bytes,
      connection->RunForInt("SELECT coalesce(sum(size), 0) FROM base_blobs"));
  if (static_cast<uint64_t>(bytes) <= max_bytes) return false;
  ASSIGN_OR_RETURN(const int64_t bases,
                   connection->RunForInt("SELECT count(*) FROM bases"));
  if (bases <= 1) return false;
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  ASSIGN_OR_RETURN(
      const int64_t oldest,
      connection->RunForInt("SELECT id FROM bases ORDER BY last_used LIMIT 1"));
  RETURN_IF_ERROR(DeleteBaseById(connection, oldest));
  RETURN_IF_ERROR(transaction.Commit());
  return true;
}

absl::Status WriteBaseUse(Connection* connection, const util::Digest& digest,
                          int64_t when) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("UPDATE bases SET last_used = ?2 WHERE digest = ?1"));
  return Query(statement).BindBlob(1, digest.binary()).Bind(2, when).Run();
}

}  // namespace btfd::store
