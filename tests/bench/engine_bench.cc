// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/elf/module_file.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "lib/util/status_macros.h"
#include "tests/oracle/oracle.h"
#include "tests/support/module_input.h"
#include "tests/support/process.h"

namespace btfd::bench {

namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

struct Bases {
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> dedup_index;
};

absl::StatusOr<Bases> BuildBases(const std::string& raw) {
  Bases bases;
  ASSIGN_OR_RETURN(bases.base, btf::Base::Build(raw));
  ASSIGN_OR_RETURN(bases.dedup_index, btf::DedupIndex::Build(*bases.base));
  return bases;
}

// What one comparison does on both sides.
struct Work {
  bool dedup;
  bool distill;
};

engine::Steps StepsOf(const Work& work) {
  engine::Steps steps;
  steps.dedup = work.dedup;
  steps.distill = work.distill;
  steps.sort = true;
  return steps;
}

absl::Status RunOurs(const Bases& bases, const tests::ModuleInput& module,
                     const engine::Steps& steps, util::Arena* arena,
                     engine::FinalizeOutput* output) {
  engine::FinalizeInput input = module.ForEngine();
  input.base = bases.base.get();
  input.dedup_index = steps.dedup ? bases.dedup_index.get() : nullptr;
  arena->Reset();
  return engine::Finalize(input, steps, arena, output);
}

// What upstream's tool does after it has loaded the base: parse, [dedup],
// [distill], sort, raw bytes. False if libbpf refuses the module.
bool RunLibbpf(const std::string& btf, struct btf* base, const Work& work,
               std::string* bytes) {
  tests::OracleBtf split = tests::OracleParse(btf, base);
  if (split == nullptr) return false;
  if (work.dedup && tests::OracleDedup(split.get()) != 0) return false;
  if (work.distill) {
    auto distilled = tests::OracleDistill(split.get());
    if (!distilled || tests::OracleSort(distilled->split.get()) != 0 ||
        !tests::OracleBytes(distilled->base.get())) {
      return false;
    }
    auto raw = tests::OracleBytes(distilled->split.get());
    if (raw) *bytes = *std::move(raw);
    return !bytes->empty();
  }
  if (tests::OracleSort(split.get()) != 0) return false;
  auto raw = tests::OracleBytes(split.get());
  if (raw) *bytes = *std::move(raw);
  return !bytes->empty();
}

struct Timings {
  std::vector<double> libbpf;
  std::vector<double> ours;
};

// Both sides take turns with blocks of modules. So other load on the machine
// hits both, and yet neither side runs in caches that the other has just
// filled, which would not happen in a daemon.
absl::StatusOr<Timings> Compare(const Bases& bases, struct btf* oracle_base,
                                const std::vector<tests::ModuleInput>& modules,
                                const Work& work) {
  constexpr size_t kBlock = 128;
  const engine::Steps steps = StepsOf(work);
  util::Arena arena;
  Timings timings;
  for (size_t first = 0; first < modules.size(); first += kBlock) {
    const size_t end = std::min(first + kBlock, modules.size());
    std::vector<std::string> results;
    for (size_t i = first; i < end; ++i) {
      engine::FinalizeOutput output;
      const Clock::time_point start = Clock::now();
      RETURN_IF_ERROR(RunOurs(bases, modules[i], steps, &arena, &output));
      timings.ours.push_back(MillisecondsSince(start));
      results.push_back(*std::move(output.btf));
    }
    for (size_t i = first; i < end; ++i) {
      std::string expected;
      const Clock::time_point start = Clock::now();
      const bool accepted =
          RunLibbpf(modules[i].btf, oracle_base, work, &expected);
      timings.libbpf.push_back(MillisecondsSince(start));
      if (!accepted || expected != results[i - first]) {
        return absl::InternalError(absl::StrCat(
            modules[i].path, ": ",
            accepted ? "not the bytes of libbpf" : "libbpf refuses it"));
      }
    }
  }
  return timings;
}

// Modules per second of `threads` threads over one base.
absl::StatusOr<double> Throughput(
    const Bases& bases, const std::vector<tests::ModuleInput>& modules,
    int threads) {
  const engine::Steps steps = StepsOf({/*dedup=*/true, /*distill=*/true});
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    util::Arena arena;
    for (size_t i; (i = next.fetch_add(1)) < modules.size();) {
      engine::FinalizeOutput output;
      if (!RunOurs(bases, modules[i], steps, &arena, &output).ok()) {
        failed = true;
      }
    }
  };
  const Clock::time_point start = Clock::now();
  std::vector<std::thread> pool;
  for (int i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  if (failed) return absl::InternalError("a module could not be finalized");
  return modules.size() / (MillisecondsSince(start) / 1000);
}

}  // namespace

absl::Status BenchEngine(const tests::Kernel& kernel,
                         const EngineBenchOptions& options, Report* report) {
  const std::string raw = tests::ReadFileOrEmpty(kernel.vmlinux_btf);
  ASSIGN_OR_RETURN(const Bases bases, BuildBases(raw));
  const tests::OracleBtf oracle_base = tests::OracleParse(raw, nullptr);
  if (oracle_base == nullptr) return absl::InternalError("libbpf: base");

  std::vector<tests::ModuleInput> modules;
  for (size_t i = 0; i < kernel.modules.size(); i += options.stride) {
    ASSIGN_OR_RETURN(tests::ModuleInput module,
                     tests::ReadModuleInput(kernel.modules[i]));
    if (!module.btf.empty()) modules.push_back(std::move(module));
  }
  report->Note(absl::StrFormat(
      "%d modules of %s", modules.size(),
      kernel.directory.substr(kernel.directory.rfind('/') + 1)));

  ASSIGN_OR_RETURN(Timings full, Compare(bases, oracle_base.get(), modules,
                                         {/*dedup=*/true, /*distill=*/true}));
  report->AddTimes("dedup + distill + sort + serialize, per module", "ms",
                   "libbpf", full.libbpf, full.ours, Statistic::kMedian, 60);
  report->AddTimes("the same, all modules", "ms", "libbpf", full.libbpf,
                   full.ours, Statistic::kTotal, 25);

  ASSIGN_OR_RETURN(Timings distill, Compare(bases, oracle_base.get(), modules,
                                            {/*dedup=*/false, true}));
  report->AddTimes("distill + sort + serialize, no dedup", "ms", "libbpf",
                   distill.libbpf, distill.ours, Statistic::kMean, 9);

  ASSIGN_OR_RETURN(Timings in_tree, Compare(bases, oracle_base.get(), modules,
                                            {/*dedup=*/false, false}));
  report->AddTimes("in-tree profile 7.2: parse, ids (ours only), sort", "ms",
                   "libbpf", in_tree.libbpf, in_tree.ours, Statistic::kMean, 3);

  // Both take turns three times, so that other load on the machine hits both.
  std::vector<double> one, two;
  for (int i = 0; i < 3; ++i) {
    ASSIGN_OR_RETURN(double rate, Throughput(bases, modules, 1));
    one.push_back(rate);
    ASSIGN_OR_RETURN(rate, Throughput(bases, modules, 2));
    two.push_back(rate);
  }
  Row row;
  row.name = "two threads over one";
  row.unit = "modules/s";
  row.peer_name = "one thread";
  row.peer = SpreadOf(one);
  row.ours = SpreadOf(two);
  row.ratio = row.ours.median / row.peer.median;
  row.bar = 1.8;
  report->Add(std::move(row));
  return absl::OkStatus();
}

absl::Status BenchBase(const tests::Kernel& kernel, Report* report) {
  constexpr int kRounds = 15;
  const std::string raw = tests::ReadFileOrEmpty(kernel.vmlinux_btf);
  std::vector<double> libbpf, core, full, load;
  size_t resident = 0;
  for (int i = 0; i < kRounds; ++i) {
    Clock::time_point start = Clock::now();
    if (tests::OracleParse(raw, nullptr) == nullptr) {
      return absl::InternalError("libbpf: base");
    }
    libbpf.push_back(MillisecondsSince(start));

    start = Clock::now();
    ASSIGN_OR_RETURN(auto base, btf::Base::Build(raw));
    core.push_back(MillisecondsSince(start));
    ASSIGN_OR_RETURN(auto index, btf::DedupIndex::Build(*base));
    full.push_back(MillisecondsSince(start));
    resident = base->blob().size() + index->blob().size();

    util::Blob core_blob(base->blob().size());
    std::memcpy(core_blob.data(), base->blob().data(), core_blob.size());
    util::Blob index_blob(index->blob().size());
    std::memcpy(index_blob.data(), index->blob().data(), index_blob.size());
    start = Clock::now();
    ASSIGN_OR_RETURN(auto loaded, btf::Base::Load(std::move(core_blob)));
    ASSIGN_OR_RETURN(auto loaded_index,
                     btf::DedupIndex::Load(std::move(index_blob), *loaded));
    load.push_back(MillisecondsSince(start));
  }
  const auto add = [&](const char* name, std::vector<double> ours, double bar) {
    Row row;
    row.name = name;
    row.unit = "ms";
    row.peer_name = "libbpf parse";
    row.peer = SpreadOf(libbpf);
    row.ours = SpreadOf(std::move(ours));
    row.ratio = row.ours.median / row.peer.median;
    row.bar = bar;
    row.bar_is_upper_bound = true;
    report->Add(std::move(row));
  };
  add("base: parse and index, with dedup index (ours over libbpf)", full, 12);
  add("base: parse and index, without it (ours over libbpf)", core, 2);
  add("base: ready from its stored blobs (ours over libbpf)", load, 1);

  Row row;
  row.name = "base with its index, resident (over raw BTF)";
  row.unit = "MiB";
  row.peer_name = "raw";
  row.peer = SpreadOf({raw.size() / 1048576.0});
  row.ours = SpreadOf({resident / 1048576.0});
  row.ratio = row.ours.median / row.peer.median;
  row.bar = 4;
  row.bar_is_upper_bound = true;
  report->Add(std::move(row));
  return absl::OkStatus();
}

}  // namespace btfd::bench
