// SPDX-License-Identifier: Apache-2.0
//
// Shared by the tests of the store: a directory for each test, a store in it
// that a test opens and closes, and a SQLite connection beside it.
#ifndef BTFD_LIB_STORE_STORE_TEST_UTIL_H_
#define BTFD_LIB_STORE_STORE_TEST_UTIL_H_

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/store/counters.h"
#include "lib/store/store.h"
#include "lib/util/digest.h"

namespace btfd::store {

// Random bytes: they do not compress, and two strings of them differ.
inline std::string RandomBytes(size_t size, uint32_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

inline util::Digest Key(int number) {
  return util::Digest::Of(absl::StrCat("key ", number));
}

MATCHER_P2(IsStatus, code, words, "") {
  if (arg.code() == code &&
      std::string(arg.message()).find(words) != std::string::npos) {
    return true;
  }
  *result_listener << arg.ToString();
  return false;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    root_ = absl::StrCat(::testing::TempDir(), "/", test->test_suite_name(),
                         ".", test->name());
    std::filesystem::remove_all(root_);
    std::filesystem::create_directory(root_);
    std::filesystem::permissions(root_, std::filesystem::perms::owner_all);
    options_.directory = root_ + "/store";
    options_.counters = &counters_;
    options_.busy_timeout = absl::Milliseconds(100);
    options_.write_delay = absl::Milliseconds(20);
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  std::string path() const { return options_.directory + "/btfd.sqlite3"; }

  void Open() {
    store_.reset();
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Close() { store_.reset(); }

  // The files that were set aside, without their journals.
  std::vector<std::string> FilesAside() const {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(options_.directory)) {
      const std::string name = entry.path().filename();
      const bool journal =
          name.rfind("-wal") != name.npos || name.rfind("-shm") != name.npos;
      if (name.find(".aside-") != name.npos && !journal) names.push_back(name);
    }
    return names;
  }

  std::string ReadFile() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void WriteFile(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }
  // Overwrites `bytes`, which must occur once in the file.
  void Damage(const std::string& bytes, const std::string& with) const {
    std::string file = ReadFile();
    const size_t at = file.find(bytes);
    ASSERT_NE(at, std::string::npos);
    ASSERT_EQ(file.find(bytes, at + 1), std::string::npos);
    file.replace(at, with.size(), with);
    WriteFile(file);
  }

  Counters counters_;
  StoreOptions options_;
  std::string root_;
  std::unique_ptr<Store> store_;
};

// A second connection, as another process has one. SQLite's file locks belong
// to a process, but SQLite also keeps the connections of one process apart.
class OtherConnection {
 public:
  explicit OtherConnection(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
  }
  ~OtherConnection() { sqlite3_close(db_); }
  void Run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(db_);
  }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_STORE_TEST_UTIL_H_
