// SPDX-License-Identifier: Apache-2.0
#include "lib/store/results.h"

#include <zstd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/store/checksum.h"
#include "lib/util/status_macros.h"

namespace btfd::store {

namespace {

// Takes a fifth of the time of zstd's default level, and gives a third more
// bytes.
constexpr int kCompressionLevel = -3;
// No request is as large. The limit keeps a damaged length from asking for more
// memory.
constexpr uint64_t kMaxRequestBytes = uint64_t{1} << 30;

std::string NameForChecksum(const util::Digest& key) {
  return absl::StrCat("result ", key.binary());
}

std::string RequestNameForChecksum(const util::Digest& key) {
  return absl::StrCat("request ", key.binary());
}

// All parts of a file key, so that a row is damaged if its digest belongs to
// another key.
std::string NameForChecksum(const FileKey& key) {
  return absl::StrCat("file ", key.file, "\n", key.state, "\n", key.sample);
}

absl::Status DeleteResultById(Connection* connection, int64_t id) {
  for (const char* sql : {"DELETE FROM result_values WHERE id = ?1",
                          "DELETE FROM result_requests WHERE id = ?1",
                          "DELETE FROM results WHERE id = ?1"}) {
    ASSIGN_OR_RETURN(sqlite3_stmt * statement, connection->Prepare(sql));
    RETURN_IF_ERROR(Query(statement).Bind(1, id).Run());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteResult(Connection* connection, const util::Digest& key,
                         absl::string_view value,
                         absl::string_view packed_request, int64_t now) {
  int64_t id;
  {
    ASSIGN_OR_RETURN(
        sqlite3_stmt * statement,
        connection->Prepare(
            "INSERT INTO results(key, size, last_used) VALUES(?1, ?2, ?3)"
            " ON CONFLICT(key) DO UPDATE SET size = ?2, last_used = ?3"
            " RETURNING id"));
    Query query(statement);
    const uint64_t size =
        value.size() + packed_request.size() + kResultOverhead;
    ASSIGN_OR_RETURN(const bool row, query.BindBlob(1, key.binary())
                                         .Bind(2, static_cast<int64_t>(size))
                                         .Bind(3, now)
                                         .Step());
    if (!row) return absl::DataLossError("store: a new result is lost");
    id = query.Int(0);
  }
  {
    ASSIGN_OR_RETURN(
        sqlite3_stmt * statement,
        connection->Prepare("INSERT OR REPLACE INTO result_values"
                            "(id, checksum, value) VALUES(?1, ?2, ?3)"));
    const std::string checksum = Checksum(NameForChecksum(key), value);
    RETURN_IF_ERROR(Query(statement)
                        .Bind(1, id)
                        .BindBlob(2, checksum)
                        .BindBlob(3, value)
                        .Run());
  }
  if (packed_request.empty()) {
    ASSIGN_OR_RETURN(
        sqlite3_stmt * statement,
        connection->Prepare("DELETE FROM result_requests WHERE id = ?1"));
    return Query(statement).Bind(1, id).Run();
  }
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("INSERT OR REPLACE INTO result_requests"
                          "(id, checksum, request) VALUES(?1, ?2, ?3)"));
  const std::string checksum =
      Checksum(RequestNameForChecksum(key), packed_request);
  return Query(statement)
      .Bind(1, id)
      .BindBlob(2, checksum)
      .BindBlob(3, packed_request)
      .Run();
}

absl::Status WriteResultRemoval(Connection* connection,
                                const util::Digest& key) {
  int64_t id;
  {
    ASSIGN_OR_RETURN(
        sqlite3_stmt * statement,
        connection->Prepare("SELECT id FROM results WHERE key = ?1"));
    Query query(statement);
    ASSIGN_OR_RETURN(const bool found, query.BindBlob(1, key.binary()).Step());
    if (!found) return absl::OkStatus();
    id = query.Int(0);
  }
  return DeleteResultById(connection, id);
}

absl::Status WriteResultUse(Connection* connection, const util::Digest& key,
                            int64_t when) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("UPDATE results SET last_used = ?2 WHERE key = ?1"));
  return Query(statement).BindBlob(1, key.binary()).Bind(2, when).Run();
}

absl::StatusOr<StoredResult> ReadResult(Connection* connection,
                                        const util::Digest& key) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("SELECT v.id, v.checksum, v.value FROM results"
                          " JOIN result_values v ON v.id = results.id"
                          " WHERE results.key = ?1"));
  Query query(statement);
  ASSIGN_OR_RETURN(const bool found, query.BindBlob(1, key.binary()).Step());
  if (!found) return absl::NotFoundError("store: no such result");
  StoredResult stored;
  stored.id = query.Int(0);
  stored.checksum = std::string(query.Bytes(1));
  stored.value = std::string(query.Bytes(2));
  stored.intact =
      stored.checksum == Checksum(NameForChecksum(key), stored.value);
  return stored;
}

absl::Status DeleteDamagedResult(Connection* connection,
                                 const StoredResult& damaged) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  {
    ASSIGN_OR_RETURN(
        sqlite3_stmt * statement,
        connection->Prepare(
            "DELETE FROM result_values WHERE id = ?1 AND checksum = ?2"));
    RETURN_IF_ERROR(Query(statement)
                        .Bind(1, damaged.id)
                        .BindBlob(2, damaged.checksum)
                        .Run());
  }
  if (connection->changes() > 0) {
    RETURN_IF_ERROR(DeleteResultById(connection, damaged.id));
  }
  return transaction.Commit();
}

absl::StatusOr<uint64_t> ResultBytes(Connection* connection) {
  // SQLite answers this from the index results_by_use alone.
  ASSIGN_OR_RETURN(
      const int64_t bytes,
      connection->RunForInt("SELECT coalesce(sum(size), 0) FROM results"
                            " INDEXED BY results_by_use"));
  return static_cast<uint64_t>(bytes);
}

absl::StatusOr<ResultStatistics> ReadResultStatistics(Connection* connection) {
  ResultStatistics statistics;
  ASSIGN_OR_RETURN(statistics.bytes, ResultBytes(connection));
  ASSIGN_OR_RETURN(const int64_t results,
                   connection->RunForInt("SELECT count(*) FROM results"));
  // SQLite counts the rows without reading a request.
  ASSIGN_OR_RETURN(
      const int64_t with_requests,
      connection->RunForInt("SELECT count(*) FROM result_requests"));
  statistics.results = static_cast<uint64_t>(results);
  statistics.with_requests = static_cast<uint64_t>(with_requests);
  return statistics;
}

absl::StatusOr<std::vector<util::Digest>> ReadResultKeys(
    Connection* connection, const util::Digest* after, int limit) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare(
          "SELECT key FROM results WHERE key > ?1 ORDER BY key LIMIT ?2"));
  Query query(statement);
  query.BindBlob(1, after == nullptr ? absl::string_view() : after->binary())
      .Bind(2, limit);
  std::vector<util::Digest> keys;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return keys;
    const auto key = util::Digest::FromBinary(query.Bytes(0));
    if (key.ok()) keys.push_back(*key);
  }
}

std::string PackRequest(absl::string_view request) {
  if (request.empty()) return "";
  std::string packed(ZSTD_compressBound(request.size()), '\0');
  const size_t size =
      ZSTD_compress(packed.data(), packed.size(), request.data(),
                    request.size(), kCompressionLevel);
  packed.resize(ZSTD_isError(size) ? 0 : size);
  return packed;
}

absl::StatusOr<StoredRequest> ReadRequest(Connection* connection,
                                          const util::Digest& key) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("SELECT r.checksum, r.request FROM results"
                          " JOIN result_requests r ON r.id = results.id"
                          " WHERE results.key = ?1"));
  Query query(statement);
  ASSIGN_OR_RETURN(const bool found, query.BindBlob(1, key.binary()).Step());
  if (!found) return absl::NotFoundError("store: no such request");
  const std::string checksum(query.Bytes(0));
  const absl::string_view packed = query.Bytes(1);
  const uint64_t size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  StoredRequest stored;
  if (checksum != Checksum(RequestNameForChecksum(key), packed) ||
      size > kMaxRequestBytes) {
    return stored;
  }
  stored.request.resize(size);
  stored.intact = ZSTD_decompress(stored.request.data(), size, packed.data(),
                                  packed.size()) == size;
  return stored;
}

absl::StatusOr<Evicted> EvictResults(Connection* connection, uint64_t bytes,
                                     int max_results) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  std::vector<std::pair<int64_t, uint64_t>> victims;
  Evicted evicted;
  {
    ASSIGN_OR_RETURN(
        sqlite3_stmt * statement,
        connection->Prepare(
            "SELECT id, size FROM results ORDER BY last_used LIMIT ?1"));
    Query query(statement);
    query.Bind(1, max_results);
    while (evicted.bytes < bytes) {
      ASSIGN_OR_RETURN(const bool row, query.Step());
      if (!row) break;
      victims.emplace_back(query.Int(0), query.Int(1));
      evicted.bytes += victims.back().second;
    }
  }
  for (const auto& [id, size] : victims) {
    RETURN_IF_ERROR(DeleteResultById(connection, id));
  }
  RETURN_IF_ERROR(transaction.Commit());
  evicted.results = victims.size();
  return evicted;
}

absl::Status WriteFileKey(Connection* connection, const FileKey& key,
                          const util::Digest& digest, int64_t now) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("INSERT OR REPLACE INTO file_keys(file, state,"
                          " sample, digest, checksum, added)"
                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"));
  const std::string checksum = Checksum(NameForChecksum(key), digest.binary());
  return Query(statement)
      .BindText(1, key.file)
      .BindText(2, key.state)
      .BindBlob(3, key.sample)
      .BindBlob(4, digest.binary())
      .BindBlob(5, checksum)
      .Bind(6, now)
      .Run();
}

absl::Status WriteFileKeyLimit(Connection* connection, uint64_t max_keys) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("DELETE FROM file_keys WHERE file IN"
                          " (SELECT file FROM file_keys"
                          "  ORDER BY added DESC LIMIT -1 OFFSET ?1)"));
  return Query(statement).Bind(1, static_cast<int64_t>(max_keys)).Run();
}

absl::StatusOr<StoredFileKey> ReadFileKey(Connection* connection,
                                          const FileKey& key) {
  ASSIGN_OR_RETURN(
      sqlite3_stmt * statement,
      connection->Prepare("SELECT digest, checksum FROM file_keys"
                          " WHERE file = ?1 AND state = ?2 AND sample = ?3"));
  Query query(statement);
  query.BindText(1, key.file).BindText(2, key.state).BindBlob(3, key.sample);
  ASSIGN_OR_RETURN(const bool found, query.Step());
  if (!found) return absl::NotFoundError("store: no such file key");
  StoredFileKey stored;
  const auto digest = util::Digest::FromBinary(query.Bytes(0));
  if (digest.ok()) {
    stored.digest = *digest;
    stored.intact =
        query.Bytes(1) == Checksum(NameForChecksum(key), digest->binary());
  }
  return stored;
}

absl::Status WriteCounter(Connection* connection, const std::string& name,
                          uint64_t delta) {
  ASSIGN_OR_RETURN(sqlite3_stmt * statement,
                   connection->Prepare(
                       "INSERT INTO counters(name, value) VALUES(?1, ?2)"
                       " ON CONFLICT(name) DO UPDATE SET value = value + ?2"));
  return Query(statement)
      .BindText(1, name)
      .Bind(2, static_cast<int64_t>(delta))
      .Run();
}

absl::StatusOr<std::map<std::string, uint64_t>> ReadCounters(
    Connection* connection) {
  ASSIGN_OR_RETURN(sqlite3_stmt * statement,
                   connection->Prepare("SELECT name, value FROM counters"));
  Query query(statement);
  std::map<std::string, uint64_t> counters;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return counters;
    counters[std::string(query.Bytes(0))] = static_cast<uint64_t>(query.Int(1));
  }
}

}  // namespace btfd::store
