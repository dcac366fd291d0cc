// SPDX-License-Identifier: Apache-2.0
//
// Runs everything for a long time: good and bad requests, clients that come and
// go or vanish, bases that are sent and removed, processes. At the end the
// daemon's memory, descriptors and threads must be what they were after the
// warm-up.
//
// BTFD_SOAK_SECONDS is the duration; use 1800 by hand. BTFD_SOAK_PAUSE_MS is
// the pause of a client between two requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/abuse/http2.h"
#include "tests/load/daemon_fixture.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

int NumberFromEnvironment(const char* name, int otherwise) {
  const char* text = getenv(name);
  int number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number
                                                            : otherwise;
}

template <typename Number>
Number Median(std::vector<Number> numbers) {
  std::nth_element(numbers.begin(), numbers.begin() + numbers.size() / 2,
                   numbers.end());
  return numbers[numbers.size() / 2];
}

class Soak : public DaemonTest {
 protected:
  // Does one of the things that clients do.
  void Act(std::mt19937* random) {
    const Case& asked = workload_.cases[(*random)() % workload_.cases.size()];
    const auto client = Connect();
    switch ((*random)() % 16) {
      case 0:
        ActStream(asked, client.get(), (*random)() % 2 == 0);
        break;
      case 1: {
        v1::FinalizeRequest bad = asked.request;
        bad.mutable_btf()->resize(bad.btf().size() / 2);
        const auto response = client->Finalize(bad);
        // In 6.x, the BTF of a module without ids is not looked at.
        Check(response.ok() &&
                  (response->outcome() == v1::BAD_BTF ||
                   asked.request.steps().kfuncs() == v1::KFUNCS_NONE),
              asked.name);
        break;
      }
      case 2:
        // A call whose connection closes before its end.
        RawConnection(RawConnect())
            .Send(Preface() +
                  Frame(FrameType::kHeaders, kEndHeaders, 1,
                        HpackBlock(CallHeaders("Finalize"))) +
                  Frame(FrameType::kData, 0, 1, GrpcMessage("x", false, 999)));
        break;
      case 3: {
        // A small base that is added and removed again.
        const auto added = client->AddBase(SpareBase());
        Check(added.ok() && added->outcome() == v1::OK, "spare base");
        // Another client may have removed it.
        Check(client->RemoveBase(added->digest()).ok(), "spare base removed");
        break;
      }
      default: {
        v1::FinalizeRequest request = asked.request;
        request.set_bypass_cache((*random)() % 3 == 0);
        const auto response = client->Finalize(request);
        Check(response.ok() && SignatureOf(*response) == asked.expected,
              asked.name);
      }
    }
  }

  // Runs a stream, and closes it in its middle if `leave`.
  void ActStream(const Case& asked, DaemonClient* client, bool leave) {
    const auto stream = client->StartStream();
    for (int i = 0; i < 4; ++i) stream->Write(asked.request);
    if (leave) {
      stream->Cancel();
    } else {
      stream->WritesDone();
    }
    v1::FinalizeResponse response;
    int answers = 0;
    while (stream->Read(&response)) {
      Check(SignatureOf(response) == asked.expected, asked.name);
      ++answers;
    }
    const bool ended_well = stream->Finish().ok();
    Check(leave || (ended_well && answers == 4), asked.name + " streamed");
  }

  void Check(bool good, const std::string& what) {
    ++done_;
    if (good) return;
    const absl::MutexLock lock(&mutex_);
    complaints_.push_back(what);
  }

  // Runs one process for one module, as a build does.
  void RunOneProcess(const std::string& base, const std::string& elf) {
    const ProcessResult result = daemon_.Client(
        {"resolve_btfids", "--distill_base", "--btf_base", base, elf},
        {"BTFD_PROFILE=7.2"});
    Check(result.exit_code == 0, "btfc: " + result.err);
  }

  Workload workload_;
  std::atomic<uint64_t> done_{0};
  absl::Mutex mutex_;
  std::vector<std::string> complaints_;
  ScratchDir scratch_;
};

TEST_F(Soak, MemoryDescriptorsAndThreadsStayWhatTheyAre) {
  const int seconds = NumberFromEnvironment("BTFD_SOAK_SECONDS", 60);
  const int pause_ms = NumberFromEnvironment("BTFD_SOAK_PAUSE_MS", 10);
  auto workload = MixedWorkload(6, 300 << 10);
  ASSERT_TRUE(workload.ok()) << workload.status();
  workload_ = *std::move(workload);
  const auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const std::string elf = scratch_.file("module.ko");
  fs::create_symlink(SpreadBySize(kernel->modules, 3)[1], elf);
  Start();
  SendBases(workload_);
  // Does every kind of work once, so that everything exists that is made at its
  // first use.
  for (const Case& asked : workload_.cases) ExpectRight(asked, Connect().get());

  const absl::Time end = absl::Now() + absl::Seconds(seconds);
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      std::mt19937 random(i);
      while (absl::Now() < end) {
        Act(&random);
        absl::SleepFor(absl::Milliseconds(pause_ms));
      }
    });
  }
  std::vector<uint64_t> resident;
  std::vector<int> descriptors, threads;
  while (absl::Now() < end) {
    RunOneProcess(kernel->vmlinux_btf, elf);
    const Footprint now = Now();
    resident.push_back(now.resident);
    descriptors.push_back(now.descriptors);
    threads.push_back(now.threads);
    absl::SleepFor(absl::Seconds(seconds) / 200);
  }
  for (std::thread& client : clients) client.join();
  EXPECT_THAT(complaints_, ::testing::IsEmpty());

  // The first quarter is the warm-up. Of the rest, the first and the last third
  // are compared.
  const size_t warm = resident.size() / 4;
  const size_t third = (resident.size() - warm) / 3;
  ASSERT_GE(third, 5u) << "too few samples";
  const auto first = [&](const auto& samples) {
    return std::vector(samples.begin() + warm, samples.begin() + warm + third);
  };
  const auto last = [&](const auto& samples) {
    return std::vector(samples.end() - third, samples.end());
  };
  // Memory that comes and goes with the clients does not count. So the smallest
  // samples are compared.
  const auto least = [](const auto& samples) {
    return *std::min_element(samples.begin(), samples.end());
  };
  printf(
      "%s of soaking, %s requests, %zu samples; first and last third after the "
      "warm-up: %s and %s resident (medians), %d and %d descriptors, %d and %d "
      "threads (least)\n",
      absl::FormatDuration(absl::Seconds(seconds)).c_str(),
      absl::StrCat(done_.load()).c_str(), resident.size(),
      InMiB(Median(first(resident))).c_str(),
      InMiB(Median(last(resident))).c_str(), least(first(descriptors)),
      least(last(descriptors)), least(first(threads)), least(last(threads)));
  // A leak of the smallest part of one request would be more than this.
  EXPECT_LT(Median(last(resident)),
            Median(first(resident)) * 1.05 + MiB(6) + kSanitizerMemory);
  EXPECT_LE(least(last(descriptors)), least(first(descriptors)) + 4);
  EXPECT_LE(least(last(threads)), least(first(threads)) + 4);
  Await([&] { return Status().requests_in_flight() == 0; },
        "nothing in flight");
}

}  // namespace
}  // namespace btfd::tests
