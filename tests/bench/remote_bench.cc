// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/remote_bench.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "daemon/remote_cache/remote_cache.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"
#include "tests/bench/timed_process.h"
#include "tests/remote_cache/fake_server.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"

namespace btfd::bench {

namespace fs = std::filesystem;
using daemon::remote::RemoteCache;
using tests::PrivateDaemon;

namespace {

// A builder has copies of all modules, and a daemon with an empty store.
class Builder {
 public:
  Builder(const tests::Kernel& kernel, const Programs& programs,
          const std::string& remote)
      : kernel_(kernel), daemon_(programs.ours) {
    if (!remote.empty()) {
      environment_ = {absl::StrCat("BTFD_REMOTE_CACHE=grpc://", remote),
                      // the server shares our two cores
                      "BTFD_REMOTE_TIMEOUT=2s",
                      "BTFD_MAX_REMOTE_UPLOAD_BYTES=1G"};
    }
    fs::create_directories(scratch_.file("modules"));
    std::ofstream list(scratch_.file("list"));
    for (size_t i = 0; i < kernel.modules.size(); ++i) {
      const std::string copy =
          absl::StrFormat("%s/%d-%s", scratch_.file("modules"), i,
                          fs::path(kernel.modules[i]).filename().string());
      fs::copy_file(kernel.modules[i], copy);
      list << copy << "\n";
      copies_.push_back(copy);
    }
  }

  absl::Status Start() {
    const tests::ProcessResult result = daemon_.Client({"start"}, environment_);
    if (result.exit_code == 0) return absl::OkStatus();
    return absl::InternalError(result.err);
  }
  absl::Status Stop() { return daemon_.Stop(); }

  absl::StatusOr<Timing> Batch(const std::vector<std::string>& more = {}) {
    return RunTimed(Command({"--from-file", scratch_.file("list")}),
                    daemon_.Environment(more));
  }
  absl::Status WarmUp() {
    fs::copy_file(kernel_.modules[0], scratch_.file("warm.ko"));
    return RunTimed(Command({scratch_.file("warm.ko")}),
                    daemon_.Environment({"BTFD_RESULT_CACHE=0"}))
        .status();
  }

  uint64_t Counter(const std::string& name) const {
    const tests::ProcessResult status = daemon_.Client({"status", "--json"});
    const size_t key = status.out.find("\"" + name + "\"");
    if (key == std::string::npos) return 0;
    const size_t first = status.out.find_first_of("0123456789", key);
    const size_t end = status.out.find_first_not_of("0123456789", first);
    uint64_t value = 0;
    static_cast<void>(
        absl::SimpleAtoi(status.out.substr(first, end - first), &value));
    return value;
  }
  // Waits until all uploads have ended, with or without success.
  absl::Status AwaitUploads() {
    for (int i = 0; i < 1200; ++i) {
      if (Counter("remote_uploads") + Counter("remote_uploads_dropped") +
              Counter("remote_upload_failures") >=
          copies_.size()) {
        return absl::OkStatus();
      }
      absl::SleepFor(absl::Milliseconds(500));
    }
    return absl::DeadlineExceededError("uploads do not end");
  }

  // DataLoss unless both builders have made the same files.
  absl::Status SameAs(const Builder& other) const {
    for (size_t i = 0; i < copies_.size(); ++i) {
      ASSIGN_OR_RETURN(const std::string a, util::ReadFile(copies_[i]));
      ASSIGN_OR_RETURN(const std::string b, util::ReadFile(other.copies_[i]));
      if (a != b) return absl::DataLossError(copies_[i] + " differs");
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::string> Command(const std::vector<std::string>& more) const {
    std::vector<std::string> argv = {daemon_.programs().btfc,
                                     "finalize",
                                     "--base",
                                     kernel_.vmlinux_btf,
                                     "--distill=always",
                                     "--drop-signature",
                                     "--profile",
                                     "7.3"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }

  const tests::Kernel& kernel_;
  const tests::ScratchDir scratch_;
  std::vector<std::string> copies_;
  std::vector<std::string> environment_;
  PrivateDaemon daemon_;
};

// A batch on a new builder in which the cache has every result.
absl::Status BenchHits(const tests::Kernel& kernel, const Programs& programs,
                       const std::string& server, const std::string& name,
                       double bound_s, const Builder& reference,
                       Report* report) {
  Builder builder(kernel, programs, server);
  RETURN_IF_ERROR(builder.Start());
  ASSIGN_OR_RETURN(const Timing timing, builder.Batch());
  report->AddUpperBound(name, "s", {timing.wall_ms / 1000}, bound_s);
  const uint64_t hits = builder.Counter("remote_hits");
  const double sent = static_cast<double>(builder.Counter("remote_bytes_sent"));
  report->AddUpperBound(
      "bytes of messages that one of these hits sends upstream", "B",
      {sent / std::max<double>(1, hits)}, 1024);
  report->Note(absl::StrFormat(
      "%s: %d of %d hits, %d failures, %d misses, %d bases fetched", name, hits,
      kernel.modules.size(), builder.Counter("remote_failures"),
      builder.Counter("remote_misses"), builder.Counter("remote_indexes")));
  return builder.SameAs(reference);
}

double MillisecondsOf(absl::Time start) {
  return absl::ToDoubleMilliseconds(absl::Now() - start);
}

using store::IndexPart;

// Three ways to get both indexes of a base. This one builds them.
absl::Status Build(const std::string& raw) {
  ASSIGN_OR_RETURN(const auto base, btf::Base::Build(raw));
  return btf::DedupIndex::Build(*base).status();
}
// What the daemon does if the client sends the base: it builds the core index
// and fetches the dedup index, which takes longest to build.
absl::Status BuildAndFetch(const std::string& raw, const util::Digest& digest,
                           RemoteCache* cache) {
  cache->ExpectDedupIndex(digest);
  ASSIGN_OR_RETURN(const auto base, btf::Base::Build(raw));
  ASSIGN_OR_RETURN(
      util::Blob dedup,
      cache->FetchIndex(digest, IndexPart::kDedup, absl::InfiniteDuration()));
  return btf::DedupIndex::Load(std::move(dedup), *base).status();
}
// What the daemon does if no client sent the base: it fetches everything.
absl::Status Fetch(const util::Digest& digest, RemoteCache* cache) {
  ASSIGN_OR_RETURN(
      util::Blob core,
      cache->FetchIndex(digest, IndexPart::kCore, absl::InfiniteDuration()));
  ASSIGN_OR_RETURN(const auto base, btf::Base::Load(std::move(core)));
  ASSIGN_OR_RETURN(
      util::Blob dedup,
      cache->FetchIndex(digest, IndexPart::kDedup, absl::InfiniteDuration()));
  return btf::DedupIndex::Load(std::move(dedup), *base).status();
}

absl::Status FillWithIndexes(const std::string& raw, const util::Digest& digest,
                             RemoteCache* cache) {
  ASSIGN_OR_RETURN(const auto base, btf::Base::Build(raw));
  ASSIGN_OR_RETURN(const auto dedup, btf::DedupIndex::Build(*base));
  cache->OfferIndex(digest, IndexPart::kCore, base->blob(),
                    [&] { return raw; });
  cache->OfferIndex(digest, IndexPart::kDedup, dedup->blob(),
                    [] { return std::string(); });
  return cache->Finish(absl::Seconds(60))
             ? absl::OkStatus()
             : absl::DeadlineExceededError("indexes are not uploaded");
}

absl::Status BenchIndex(const tests::Kernel& kernel, const std::string& server,
                        Report* report) {
  ASSIGN_OR_RETURN(const std::string raw, util::ReadFile(kernel.vmlinux_btf));
  const util::Digest digest = util::Digest::Of(raw);
  store::Counters counters;
  util::Log log(util::LogLevel::kWarning);
  daemon::remote::RemoteCacheOptions options;
  options.server.endpoint.target = server;
  options.compression = false;
  options.timeout = absl::Seconds(10);
  options.index_version = "bench";
  ASSIGN_OR_RETURN(const auto cache,
                   RemoteCache::Create(options, &counters, &log));
  RETURN_IF_ERROR(FillWithIndexes(raw, digest, cache.get()));
  const std::function<absl::Status()> ways[] = {
      [&] { return Build(raw); },
      [&] { return BuildAndFetch(raw, digest, cache.get()); },
      [&] { return Fetch(digest, cache.get()); }};
  std::vector<double> ms[3];
  for (int i = 0; i < 15; ++i) {
    for (size_t way = 0; way < 3; ++way) {
      const absl::Time start = absl::Now();
      RETURN_IF_ERROR(ways[way]());
      ms[way].push_back(MillisecondsOf(start));
    }
  }
  report->AddTimes("indexes of a base at hand: dedup index from the cache",
                   "ms", "both made", ms[0], ms[1], Statistic::kMedian, 2);
  const Spread fetched = SpreadOf(ms[2]);
  report->Note(absl::StrFormat(
      "both indexes from the cache, of a base that is not at hand: %.1f ms "
      "(median; p10-p90 %.1f-%.1f)",
      fetched.median, fetched.p10, fetched.p90));
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchRemote(const tests::Kernel& kernel, const Programs& programs,
                         const std::string& server, Report* report) {
  std::unique_ptr<tests::FakeServer> ours;
  std::string address = server;
  if (address.empty()) {
    tests::FakeServerOptions options;
    options.inline_outputs = true;
    ours = std::make_unique<tests::FakeServer>(options);
    address = ours->address();
  }
  RETURN_IF_ERROR(BenchIndex(kernel, address, report));

  Builder local(kernel, programs, "");
  RETURN_IF_ERROR(local.Start());
  RETURN_IF_ERROR(local.WarmUp());
  ASSIGN_OR_RETURN(const Timing computed, local.Batch({"BTFD_RESULT_CACHE=0"}));
  RETURN_IF_ERROR(local.Stop());
  const double local_s = computed.wall_ms / 1000;
  report->Note(absl::StrFormat(
      "%d modules computed by a warm daemon without any cache: %.2f s",
      kernel.modules.size(), local_s));

  Builder first(kernel, programs, address);
  RETURN_IF_ERROR(first.Start());
  ASSIGN_OR_RETURN(const Timing filled, first.Batch());
  const absl::Time end = absl::Now();
  RETURN_IF_ERROR(first.AwaitUploads());
  report->Note(absl::StrFormat(
      "the same batch, results given to an empty cache: %.2f s; uploads end "
      "%.1f s later: %d given, %d dropped, %d failed",
      filled.wall_ms / 1000, absl::ToDoubleSeconds(absl::Now() - end),
      first.Counter("remote_uploads"), first.Counter("remote_uploads_dropped"),
      first.Counter("remote_upload_failures")));
  RETURN_IF_ERROR(first.Stop());

  RETURN_IF_ERROR(BenchHits(kernel, programs, address,
                            "all-hit batch from the cache on loopback",
                            1.5 * local_s, local, report));
  if (ours == nullptr) return absl::OkStatus();
  tests::Faults away;
  away.delay = absl::Milliseconds(20);
  ours->SetFaults(away);
  return BenchHits(kernel, programs, address,
                   "all-hit batch, each answer 20 ms late", 3 * local_s, local,
                   report);
}

}  // namespace btfd::bench
