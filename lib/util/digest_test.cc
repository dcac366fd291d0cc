// SPDX-License-Identifier: Apache-2.0
#include "lib/util/digest.h"

#include <string>

#include "absl/hash/hash_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::util {
namespace {

using ::testing::HasSubstr;

// FIPS 180-2, appendix B.1, and the digest of nothing.
constexpr char kOfAbc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kOfNothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Digest, IsSha256) {
  EXPECT_EQ(Digest::Of("abc").hex(), kOfAbc);
  EXPECT_EQ(Digest::Of("").hex(), kOfNothing);
}

TEST(Digest, ReadsBackItsHexAndItsBytes) {
  const Digest digest = Digest::Of("abc");
  EXPECT_EQ(*Digest::FromHex(kOfAbc), digest);
  EXPECT_EQ(*Digest::FromBinary(digest.binary()), digest);
  std::string upper = kOfAbc;
  for (char& c : upper) c = static_cast<char>(toupper(c));
  EXPECT_EQ(*Digest::FromHex(upper), digest);
}

TEST(Digest, RefusesAnotherLength) {
  const auto binary = Digest::FromBinary("short");
  EXPECT_EQ(binary.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(binary.status().message()),
              HasSubstr("has 32 bytes, this one has 5"));
  const auto hex = Digest::FromHex("ba78");
  EXPECT_EQ(hex.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(hex.status().message()),
              HasSubstr("not a digest of 64 hex digits: ba78"));
}

TEST(Digest, RefusesWhatIsNotHex) {
  std::string hex = kOfAbc;
  hex[10] = 'g';
  EXPECT_EQ(Digest::FromHex(hex).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Digest, OrdersAndHashesByItsBytes) {
  const Digest a = *Digest::FromHex(kOfAbc);
  const Digest e = *Digest::FromHex(kOfNothing);
  EXPECT_TRUE(a < e);
  EXPECT_FALSE(e < a);
  EXPECT_TRUE(a != e);
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly({a, e, Digest()}));
}

TEST(DigestBuilder, ChunksOfOneFieldAreTheWholeField) {
  EXPECT_EQ(DigestBuilder().AddChunk("a").AddChunk("").AddChunk("bc").Finish(),
            Digest::Of("abc"));
}

TEST(DigestBuilder, FieldsDoNotRunTogether) {
  const Digest ab_c = DigestBuilder().Add("ab").Add("c").Finish();
  EXPECT_NE(ab_c, DigestBuilder().Add("a").Add("bc").Finish());
  EXPECT_NE(ab_c, DigestBuilder().Add("abc").Finish());
  EXPECT_NE(ab_c, DigestBuilder().Add("ab").Add("c").Add("").Finish());
  EXPECT_EQ(ab_c, DigestBuilder().Add("ab").Add("c").Finish());
}

TEST(DigestBuilder, NumbersAreLittleEndianWhateverTheHost) {
  EXPECT_EQ(DigestBuilder().Add(uint64_t{0x0102}).Finish(),
            Digest::Of(std::string("\x02\x01\0\0\0\0\0\0", 8)));
}

}  // namespace
}  // namespace btfd::util
