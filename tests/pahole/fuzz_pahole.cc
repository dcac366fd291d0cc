// SPDX-License-Identifier: Apache-2.0
//
// fuzz_pahole UNITS [FIRST-GROUP]: encodes random programs (random_c.h) by the
// real paholes and by ours, until UNITS translation units have been compared.
// Uses as many threads as there are processors. Prints each difference, and
// then exits with 1. `fuzz_pahole --print SEED` prints a program.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/pahole/cases.h"
#include "tests/pahole/encoder.h"
#include "tests/pahole/maker.h"
#include "tests/pahole/random_c.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

class Fuzzer {
 public:
  Fuzzer(uint64_t units, uint64_t first_group)
      : wanted_(units), next_group_(first_group) {}

  int Run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency());
         ++i) {
      threads.emplace_back([this] {
        while (units_ < wanted_) JudgeGroup(next_group_++);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::cout << units_ << " units in " << programs_ << " programs, " << runs_
              << " runs, " << encoded_
              << " of them with a result: " << failures_ << " differ\n";
    return failures_ == 0 && encoded_ > runs_ / 2 ? 0 : 1;
  }

 private:
  void Say(const std::string& what) {
    std::lock_guard<std::mutex> lock(mutex_);
    std::cout << what << std::endl;
    ++failures_;
  }

  void JudgeGroup(uint64_t number) {
    const auto group = MakeRandomGroup(number, TestdataRoot() + "/peers");
    if (!group.ok()) return Say(std::string(group.status().message()));
    for (size_t i = 0; i < group->cases.size(); ++i) {
      const Case& one = group->cases[i];
      size_t compared = 0;
      for (const std::string& difference :
           JudgeCase(&pahole_, one, group->bases, &compared)) {
        Say(difference);
      }
      for (const EncodeResult& result : one.built[0].results) {
        encoded_ += result.btf.has_value();
      }
      runs_ += compared;
      ++programs_;
      units_ += RandomProgram(number * kGroupSize + i).size();
    }
  }

  OurPahole pahole_;
  const uint64_t wanted_;
  std::atomic<uint64_t> next_group_;
  std::atomic<uint64_t> units_{0}, programs_{0}, runs_{0}, encoded_{0};
  std::atomic<uint64_t> failures_{0};
  std::mutex mutex_;
};

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "--print") {
    for (const std::string& source :
         RandomProgram(std::strtoull(arguments[1].c_str(), nullptr, 10))) {
      std::cout << source << "\n";
    }
    return 0;
  }
  if (arguments.empty() || arguments.size() > 2) {
    std::cerr << "usage: fuzz_pahole UNITS [FIRST-GROUP] | --print SEED\n";
    return 2;
  }
  const uint64_t first = arguments.size() == 2
                             ? std::strtoull(arguments[1].c_str(), nullptr, 10)
                             : 0;
  return Fuzzer(std::strtoull(arguments[0].c_str(), nullptr, 10), first).Run();
}

}  // namespace
}  // namespace btfd::tests

int main(int argc, char** argv) {
  return btfd::tests::Main({argv + 1, argv + argc});
}
