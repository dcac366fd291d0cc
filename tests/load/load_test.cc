// SPDX-License-Identifier: Apache-2.0
//
// Ten thousand requests from 256 clients at once, together with real `btfc`
// processes: over several bases, of all sizes, in all profiles, with and
// without the result cache. Every answer is compared with one that was computed
// without load.
//
// BTFD_LOAD_REQUESTS sets another number of requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/load/daemon_fixture.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

constexpr int kClients = 256;

int NumberFromEnvironment(const char* name, int otherwise) {
  const char* text = getenv(name);
  int number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number
                                                            : otherwise;
}

// Says what is wrong with the answer to a request; empty if it is right.
std::string Complaint(const Case& asked,
                      const absl::StatusOr<v1::FinalizeResponse>& response) {
  if (!response.ok()) {
    return absl::StrCat(asked.name, ": ", response.status().ToString());
  }
  if (response->outcome() != v1::OK) {
    return absl::StrCat(asked.name, ": ", v1::Outcome_Name(response->outcome()),
                        ": ", response->message());
  }
  if (SignatureOf(*response) != asked.expected) {
    return asked.name + ": wrong bytes";
  }
  return "";
}

class Load : public DaemonTest {
 protected:
  // 256 clients, each with a connection of its own, on which it sends one
  // request after the other. Every fifth request does not use the result cache.
  void RunClients(const Workload& workload, int requests) {
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        const auto client = Connect();
        std::mt19937 random(i);
        while (begun_.fetch_add(1) < requests) {
          const Case& asked = workload.cases[random() % workload.cases.size()];
          v1::FinalizeRequest request = asked.request;
          request.set_bypass_cache(random() % 5 == 0);
          const absl::Time start = absl::Now();
          const auto response = client->Finalize(request);
          Note(absl::Now() - start, Complaint(asked, response));
        }
      });
    }
    for (std::thread& client : clients) client.join();
  }

  void Note(absl::Duration latency, const std::string& complaint) {
    const absl::MutexLock lock(&mutex_);
    latencies_.push_back(latency);
    if (!complaint.empty()) complaints_.push_back(complaint);
  }

  // Runs resolve_btfids on modules of 6.12, four processes at once.
  ProcessResult RunProcesses(const std::vector<std::string>& elfs,
                             const std::string& base) const {
    ProcessOptions options;
    options.environment = daemon_.Environment({"BTFD_PROFILE=7.2"});
    options.input = absl::StrJoin(elfs, "\n");
    return RunProcess({"xargs", "-n1", "-P4", daemon_.programs().btfc,
                       "resolve_btfids", "--distill_base", "--btf_base", base},
                      options);
  }

  absl::Duration Percentile(double part) {
    return latencies_[static_cast<size_t>(part * (latencies_.size() - 1))];
  }

  std::atomic<int> begun_{0};
  absl::Mutex mutex_;
  std::vector<absl::Duration> latencies_;
  std::vector<std::string> complaints_;
  ScratchDir scratch_;
};

// A digest of all files that a run writes beside the module.
util::Digest SignatureOfFiles(const std::string& elf) {
  v1::FinalizeResponse response;
  if (fs::exists(elf + ".BTF")) {
    response.set_btf(ReadFileOrEmpty(elf + ".BTF"));
  }
  if (fs::exists(elf + ".BTF.base")) {
    response.set_btf_base(ReadFileOrEmpty(elf + ".BTF.base"));
  }
  if (fs::exists(elf + ".BTF_ids")) {
    response.set_btf_ids(ReadFileOrEmpty(elf + ".BTF_ids"));
  }
  return SignatureOf(response);
}

TEST_F(Load, ManyRequestsFrom256ClientsAreAllAnsweredRight) {
  const int requests = NumberFromEnvironment("BTFD_LOAD_REQUESTS", 10'000);
  const auto workload = MixedWorkload(16, MiB(1));
  ASSERT_TRUE(workload.ok()) << workload.status();
  const auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  Start({"max_bytes_in_flight=64M", "max_resident_base_bytes=192M"});
  SendBases(*workload);
  const Footprint before = Now();

  // The modules for the processes, and the right digest for each.
  std::vector<std::string> elfs;
  std::map<std::string, util::Digest> expected;
  for (int round = 0; round < 4; ++round) {
    for (const Case& asked : workload->cases) {
      if (!absl::EndsWith(asked.name, "over 6.12 as 7.2 distilled")) continue;
      elfs.push_back(scratch_.file(absl::StrCat(elfs.size(), ".ko")));
      fs::create_symlink(asked.path, elfs.back());
      expected[elfs.back()] = asked.expected;
    }
  }
  ProcessResult processes;
  const absl::Time start = absl::Now();
  std::thread builder(
      [&] { processes = RunProcesses(elfs, kernel->vmlinux_btf); });
  RunClients(*workload, requests);
  const absl::Duration took = absl::Now() - start;
  builder.join();

  EXPECT_THAT(complaints_, ::testing::IsEmpty());
  EXPECT_EQ(latencies_.size(), static_cast<size_t>(requests));
  EXPECT_EQ(processes.exit_code, 0) << processes.err;
  EXPECT_EQ(processes.err, "");
  for (const auto& [elf, digest] : expected) {
    EXPECT_EQ(SignatureOfFiles(elf), digest) << elf;
  }

  const v1::GetStatusResponse status = Status();
  const auto counter = [&](const char* name) -> uint64_t {
    const auto found = status.counters().find(name);
    return found == status.counters().end() ? 0 : found->second;
  };
  uint64_t bases = 0;
  for (const v1::BaseInfo& base : status.bases()) {
    bases += base.resident_bytes();
  }
  const Footprint after = Now();
  std::sort(latencies_.begin(), latencies_.end());
  printf(
      "%d requests of %zu kinds from %d clients and %zu processes in %s: "
      "p50 %s, p99 %s, max %s; %s hits, %s misses, %s past the cache\n"
      "resident: %s of bases, %s with them before, %s at the peak, %s after\n",
      requests, workload->cases.size(), kClients, elfs.size(),
      absl::FormatDuration(took).c_str(),
      absl::FormatDuration(Percentile(.5)).c_str(),
      absl::FormatDuration(Percentile(.99)).c_str(),
      absl::FormatDuration(Percentile(1)).c_str(),
      absl::StrCat(counter("cache_hits")).c_str(),
      absl::StrCat(counter("cache_misses")).c_str(),
      absl::StrCat(counter("cache_bypassed")).c_str(), InMiB(bases).c_str(),
      InMiB(before.resident).c_str(), InMiB(after.peak).c_str(),
      InMiB(after.resident).c_str());

  EXPECT_EQ(status.requests_in_flight(), 0u);
  EXPECT_EQ(counter("outcome_busy"), 0u);
  EXPECT_EQ(counter("outcome_internal"), 0u);
  EXPECT_GT(counter("cache_hits"), requests / 4u);
  EXPECT_GT(counter("cache_bypassed"), requests / 10u);
  // The memory before; the requests in flight as they came, once parsed, and as
  // answers; and the workspaces of two threads.
  EXPECT_LT(after.peak, before.resident + bases + 3 * MiB(64) + MiB(128) +
                            kSanitizerMemory);
  Await([&] { return Now().sockets <= before.sockets + 1; },
        "the sockets of 256 clients closed");
  // SQLite keeps a descriptor for each reader that there ever was at one time.
  EXPECT_LE(Now().descriptors, before.descriptors + 2 * kClients);
  printf("%d descriptors before, %d after; %d threads before, %d after\n",
         before.descriptors, Now().descriptors, before.threads, Now().threads);
}

}  // namespace
}  // namespace btfd::tests
