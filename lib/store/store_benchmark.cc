// SPDX-License-Identifier: Apache-2.0
//
// Measures the store: opening it, an index of 12 MB, a result of medium size.
// Run it by hand; its directory is in $TEST_TMPDIR or /tmp.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "lib/store/store.h"
#include "lib/util/digest.h"

namespace btfd::store {
namespace {

constexpr size_t kIndexBytes = 12000000;
constexpr size_t kResultBytes = 10000;
constexpr int kResults = 2000;

util::Digest Key(int64_t number) {
  return util::Digest::Of(absl::StrCat(number));
}

// A store for one benchmark; its directory is removed at the end.
class ScratchStore {
 public:
  ScratchStore() {
    const char* root = std::getenv("TEST_TMPDIR");
    options_.directory =
        absl::StrCat(root == nullptr ? "/tmp" : root, "/btfd_store_benchmark");
    std::filesystem::remove_all(options_.directory);
    Open();
  }
  ~ScratchStore() {
    store_.reset();
    std::filesystem::remove_all(options_.directory);
  }
  void Open() {
    store_.reset();
    store_ = Store::Open(options_).value();
  }
  void Close() { store_.reset(); }
  Store* operator->() { return store_.get(); }

 private:
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

void BM_OpenExisting(benchmark::State& state) {
  ScratchStore store;
  for (int i = 0; i < kResults; ++i) {
    store->PutResult(Key(i), std::string(kResultBytes, 'x'));
  }
  for (auto _ : state) {
    state.PauseTiming();
    store.Close();
    state.ResumeTiming();
    store.Open();
  }
}
BENCHMARK(BM_OpenExisting)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_GetBaseIndex(benchmark::State& state) {
  ScratchStore store;
  if (!store->PutBase(Key(1), "raw", "", 1).ok() ||
      !store
           ->PutBaseIndex(Key(1), IndexPart::kCore, 1,
                          std::string(kIndexBytes, 'x'))
           .ok()) {
    state.SkipWithError("cannot put");
  }
  store.Open();
  for (auto _ : state) {
    if (!store->GetBaseIndex(Key(1), IndexPart::kCore, 1).ok()) {
      state.SkipWithError("cannot get");
    }
  }
}
BENCHMARK(BM_GetBaseIndex)->Unit(benchmark::kMillisecond)->UseRealTime();

// The first read after a start: the connection is new, and no page is cached.
void BM_GetBaseIndexAfterOpen(benchmark::State& state) {
  ScratchStore store;
  if (!store->PutBase(Key(1), "raw", "", 1).ok() ||
      !store
           ->PutBaseIndex(Key(1), IndexPart::kCore, 1,
                          std::string(kIndexBytes, 'x'))
           .ok()) {
    state.SkipWithError("cannot put");
  }
  for (auto _ : state) {
    state.PauseTiming();
    store.Close();
    state.ResumeTiming();
    store.Open();
    if (!store->GetBaseIndex(Key(1), IndexPart::kCore, 1).ok()) {
      state.SkipWithError("cannot get");
    }
  }
}
BENCHMARK(BM_GetBaseIndexAfterOpen)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void BM_PutBaseIndex(benchmark::State& state) {
  ScratchStore store;
  const std::string index(kIndexBytes, 'x');
  if (!store->PutBase(Key(1), "raw", "", 1).ok()) {
    state.SkipWithError("cannot put");
  }
  for (auto _ : state) {
    if (!store->PutBaseIndex(Key(1), IndexPart::kCore, 1, index).ok()) {
      state.SkipWithError("cannot put");
    }
  }
}
BENCHMARK(BM_PutBaseIndex)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_GetResult(benchmark::State& state) {
  ScratchStore store;
  for (int i = 0; i < kResults; ++i) {
    store->PutResult(Key(i), std::string(kResultBytes, 'x'));
  }
  store.Open();
  int number = 0;
  for (auto _ : state) {
    if (!store->GetResult(Key(number++ % kResults)).ok()) {
      state.SkipWithError("cannot get");
    }
  }
}
BENCHMARK(BM_GetResult)->Unit(benchmark::kMicrosecond)->UseRealTime();

void BM_GetResultMiss(benchmark::State& state) {
  ScratchStore store;
  for (int i = 0; i < kResults; ++i) {
    store->PutResult(Key(i), std::string(kResultBytes, 'x'));
  }
  store.Open();
  int number = kResults;
  for (auto _ : state) {
    if (store->GetResult(Key(number++)).ok()) state.SkipWithError("a hit");
  }
}
BENCHMARK(BM_GetResultMiss)->Unit(benchmark::kMicrosecond)->UseRealTime();

// What a request pays. The writer's thread writes the batch while nobody waits.
void BM_PutResult(benchmark::State& state) {
  ScratchStore store;
  const std::string value(kResultBytes, 'x');
  int number = 0;
  for (auto _ : state) {
    store->PutResult(Key(number), value);
    if (++number % kResults == 0) {
      state.PauseTiming();
      store->Flush().IgnoreError();
      state.ResumeTiming();
    }
  }
}
BENCHMARK(BM_PutResult)->Unit(benchmark::kMicrosecond)->UseRealTime();

// The whole cost of one result, with its share of the batch.
void BM_PutResultAndWrite(benchmark::State& state) {
  ScratchStore store;
  const std::string value(kResultBytes, 'x');
  int number = 0;
  for (auto _ : state) {
    for (int i = 0; i < 200; ++i) store->PutResult(Key(number++), value);
    store->Flush().IgnoreError();
  }
  state.SetItemsProcessed(number);
}
BENCHMARK(BM_PutResultAndWrite)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace btfd::store

BENCHMARK_MAIN();
