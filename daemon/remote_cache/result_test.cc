// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/result.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon::remote {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kLimit = 1000;

std::vector<absl::string_view> Paths() {
  return {kBtfFile, kBtfBaseFile, kBtfIdsFile};
}

v1::FinalizeResponse Sample() {
  v1::FinalizeResponse response;
  response.set_outcome(v1::OK);
  response.set_btf("btf bytes");
  response.set_btf_ids("");  // an empty file is written
  response.add_warnings("WARN: one");
  response.add_warnings("");
  response.add_warnings("\xff is no UTF-8");
  response.set_types_in(7);
  response.set_types_out(5);
  return response;
}

reapi::ActionResult Encoded(const v1::FinalizeResponse& response) {
  std::vector<OwnedBlob> blobs;
  return EncodeResult(response, &blobs);
}

// The result as a server sends it that inlines everything.
reapi::ActionResult Inlined(const v1::FinalizeResponse& response) {
  std::vector<OwnedBlob> blobs;
  reapi::ActionResult result = EncodeResult(response, &blobs);
  for (auto& file : *result.mutable_output_files()) {
    for (const OwnedBlob& blob : blobs) {
      if (blob.name.digest.hex() == file.digest().hash()) {
        file.set_contents(blob.bytes);
      }
    }
  }
  return result;
}

absl::Status Refused(const reapi::ActionResult& result) {
  const auto parts = PartsOf(result, Paths(), kLimit);
  EXPECT_EQ(parts.status().code(), absl::StatusCode::kDataLoss)
      << parts.status();
  return parts.status();
}

TEST(Result, ComesBackAsItWasWithItsWarnings) {
  auto parts = PartsOf(Inlined(Sample()), Paths(), kLimit);
  ASSERT_TRUE(parts.ok()) << parts.status();
  for (const ResultPart& part : *parts) EXPECT_TRUE(part.inlined) << part.path;
  const auto response = DecodeResult(*std::move(parts));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->SerializeAsString(), Sample().SerializeAsString());
}

TEST(Result, NamesWhatIsStillInTheCas) {
  const auto parts = PartsOf(Encoded(Sample()), Paths(), kLimit);
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_EQ(parts->size(), 4);
  EXPECT_EQ((*parts)[0].path, "BTF");
  EXPECT_FALSE((*parts)[0].inlined);
  EXPECT_EQ((*parts)[0].name, BlobName::Of("btf bytes"));
  EXPECT_TRUE((*parts)[1].inlined) << "the empty file needs no fetching";
}

TEST(Result, ManyWarningsTravelAsABlob) {
  v1::FinalizeResponse response = Sample();
  response.add_warnings(std::string(5000, 'w'));
  std::vector<OwnedBlob> blobs;
  const reapi::ActionResult result = EncodeResult(response, &blobs);
  EXPECT_TRUE(result.stderr_raw().empty());
  EXPECT_EQ(result.stderr_digest().size_bytes(),
            static_cast<int64_t>(blobs.back().bytes.size()));
  EXPECT_TRUE(blobs.back().name.Names(blobs.back().bytes));
}

TEST(Result, AFailedActionIsNone) {
  reapi::ActionResult result = Encoded(Sample());
  result.set_exit_code(1);
  EXPECT_THAT(Refused(result).message(), HasSubstr("exit code 1"));
}

TEST(Result, AFileThatIsNotOursIsRefused) {
  reapi::ActionResult result = Encoded(Sample());
  result.mutable_output_files(0)->set_path("../../etc/passwd");
  EXPECT_THAT(Refused(result).message(), HasSubstr("output file ../../etc"));
}

TEST(Result, AFileThatComesTwiceIsRefused) {
  reapi::ActionResult result = Encoded(Sample());
  *result.add_output_files() = result.output_files(0);
  EXPECT_THAT(Refused(result).message(), HasSubstr("two output files BTF"));
}

TEST(Result, ADigestThatIsNoneIsRefused) {
  reapi::ActionResult result = Encoded(Sample());
  result.mutable_output_files(0)->mutable_digest()->set_hash("abc");
  EXPECT_THAT(Refused(result).message(), HasSubstr("not a SHA-256"));
}

TEST(Result, ASizeBeyondTheLimitIsRefusedBeforeMemoryIsTaken) {
  reapi::ActionResult result = Encoded(Sample());
  result.mutable_output_files(0)->mutable_digest()->set_size_bytes(1ll << 60);
  EXPECT_THAT(Refused(result).message(), HasSubstr("at most 1000 are taken"));
}

TEST(Result, InlinedBytesAreCheckedAgainstTheirDigest) {
  reapi::ActionResult result = Inlined(Sample());
  result.mutable_output_files(0)->set_contents("btf bytez");
  EXPECT_THAT(Refused(result).message(), HasSubstr("not what its digest says"));
}

TEST(Result, StdoutThatIsNotOursIsRefused) {
  for (const char* text : {"", "types 1 -> x\n", "types 1\n", "hello\n"}) {
    reapi::ActionResult result = Inlined(Sample());
    result.set_stdout_raw(text);
    auto parts = PartsOf(result, Paths(), kLimit);
    ASSERT_TRUE(parts.ok()) << parts.status();
    const auto response = DecodeResult(*std::move(parts));
    EXPECT_EQ(response.status().code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(response.status().message(), HasSubstr("numbers of types"));
  }
}

}  // namespace
}  // namespace btfd::daemon::remote
