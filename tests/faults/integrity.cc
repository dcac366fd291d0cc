// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/integrity.h"

#include <sqlite3.h>

#include <filesystem>

namespace btfd::tests {

std::string CheckIntegrity(const std::string& path) {
  if (!std::filesystem::exists(path)) return "";
  sqlite3* db = nullptr;
  std::string verdict;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) !=
      SQLITE_OK) {
    verdict = "cannot be opened";
  } else {
    const auto take = [](void* to, int, char** columns, char**) {
      static_cast<std::string*>(to)->append(columns[0] ? columns[0] : "NULL");
      return 0;
    };
    char* error = nullptr;
    sqlite3_exec(db, "PRAGMA integrity_check", take, &verdict, &error);
    if (error != nullptr) verdict = error;
    sqlite3_free(error);
  }
  sqlite3_close(db);
  return verdict;
}

}  // namespace btfd::tests
