// SPDX-License-Identifier: Apache-2.0
//
// Uses a store as a daemon does, so that a test can kill it meanwhile. It opens
// the store; puts a base with an index, file keys, and more results than there
// is room for; removes some results, clears the rest, and ends.
//
//   store_worker DIRECTORY wal|rollback
//
// Each value follows from its key: see store_worker.h.
#include "tests/faults/store_worker.h"

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "lib/store/store.h"

namespace btfd::tests {
namespace {

absl::Status Work(store::Store* store) {
  for (int n = 0; n < 3; ++n) {
    absl::Status status =
        store->PutBase(NumberedKey(n), BaseOf(n), "origin", 1);
    if (!status.ok()) return status;
    status = store->PutBaseIndex(NumberedKey(n), store::IndexPart::kCore, 1,
                                 IndexOf(n));
    if (!status.ok()) return status;
    store::FileKey key;
    key.file = std::to_string(n);
    store->PutFileKey(key, NumberedKey(n));
  }
  for (int n = 0; n < kWorkerResults; ++n) {
    store->PutResult(NumberedKey(n), ResultOf(n), RequestOf(n));
    store->AddCounters({{"requests", 1}});
    if (n % 4 == 3) {
      if (absl::Status status = store->Flush(); !status.ok()) return status;
    }
    if (n % 8 == 7) store->RemoveResult(NumberedKey(n - 1));
    if (n % 8 == 5) store->GetResult(NumberedKey(n - 2)).IgnoreError();
  }
  if (absl::Status status = store->RemoveBase(NumberedKey(1)); !status.ok()) {
    return status;
  }
  return store->Flush();
}

int Main(const std::string& directory, bool rollback_journal) {
  store::StoreOptions options;
  options.directory = directory;
  options.max_result_bytes = kWorkerResultBytes;
  options.rollback_journal = rollback_journal;
  options.write_delay = absl::ZeroDuration();
  auto store = store::Store::Open(options);
  const absl::Status status = store.ok() ? Work(store->get()) : store.status();
  if (status.ok()) return 0;
  fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace btfd::tests

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return btfd::tests::Main(argv[1], std::string(argv[2]) == "rollback");
}
