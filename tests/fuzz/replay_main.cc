// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target over its stored corpus as an ordinary test. The test fails
// if the target crashes or the corpus is missing.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

TEST(Corpus, EveryInputIsSurvived) {
  size_t replayed = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("tests/fuzz/corpus/" BTFD_FUZZER)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    SCOPED_TRACE(entry.path().string());
    const ExactCopy exact(content);
    LLVMFuzzerTestOneInput(
        reinterpret_cast<const uint8_t*>(exact.view().data()),
        exact.view().size());
    ++replayed;
  }
  EXPECT_GT(replayed, 10u);
}

}  // namespace
}  // namespace btfd::fuzz
