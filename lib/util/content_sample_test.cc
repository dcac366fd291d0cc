// SPDX-License-Identifier: Apache-2.0
#include "lib/util/content_sample.h"

#include <fcntl.h>

#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "lib/util/file.h"
#include "tests/support/process.h"

namespace btfd::util {
namespace {

constexpr size_t kShort = kSamplePieces * kSamplePieceSize;

std::string Content(size_t size) {
  std::string content(size, '\0');
  uint64_t state = size;
  for (char& byte : content) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return content;
}

TEST(ContentSample, OfAFileItIsThatOfItsBytes) {
  const tests::ScratchDir scratch;
  for (const size_t size : {size_t{0}, size_t{1}, kSamplePieceSize, kShort - 1,
                            kShort, kShort + 1, 7 * kShort + 3}) {
    const std::string content = Content(size);
    std::ofstream(scratch.file("f"), std::ios::binary) << "front" << content;
    const auto fd = OpenFile(scratch.file("f"), O_RDONLY);
    ASSERT_TRUE(fd.ok());
    EXPECT_EQ(SampleOfFile(fd->get(), 5, size), SampleOf(content)) << size;
    EXPECT_EQ(SampleOf(content).size(), 16u);
    EXPECT_FALSE(SampleOfFile(fd->get(), 6, size == 0 ? 1 : size).has_value())
        << "the file ends before that: " << size;
  }
}

TEST(ContentSample, EachByteOfAShortContentCounts) {
  std::string content = Content(3000);
  const std::string sample = SampleOf(content);
  for (char& byte : content) {
    byte ^= 1;
    EXPECT_NE(SampleOf(content), sample);
    byte ^= 1;
  }
  content = Content(kShort);
  const std::string whole = SampleOf(content);
  for (size_t at = 0; at < kShort; at += 997) {
    content[at] ^= 1;
    EXPECT_NE(SampleOf(content), whole) << at;
    content[at] ^= 1;
  }
}

TEST(ContentSample, OfALongContentBothEndsAndAllThatShiftsCount) {
  const std::string content = Content(5'000'000);
  const std::string sample = SampleOf(content);
  for (const size_t at : {size_t{0}, content.size() - 1}) {
    std::string changed = content;
    changed[at] ^= 1;
    EXPECT_NE(SampleOf(changed), sample) << at;
  }
  // One byte more here and one less there: the size is the same.
  for (size_t at = 1000; at + 600'000 < content.size(); at += 333'331) {
    std::string shifted = content;
    shifted.insert(at, 1, 'x');
    shifted.erase(at + 500'000, 1);
    EXPECT_NE(SampleOf(shifted), sample) << at;
  }
  EXPECT_NE(SampleOf(content.substr(1)), sample);
}

TEST(ContentSample, TheLengthCountsWhereThePiecesAreAlike) {
  EXPECT_NE(SampleOf(std::string(5'000'000, 'a')),
            SampleOf(std::string(5'000'001, 'a')));
}

}  // namespace
}  // namespace btfd::util
