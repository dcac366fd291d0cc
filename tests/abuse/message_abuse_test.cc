// SPDX-License-Identifier: Apache-2.0
//
// Messages that are small on the wire and large in memory, that contradict
// themselves, or that would put false data where other clients read it. Each is
// answered, or refused with a clear error. It must take little memory, and the
// next good request must get the right bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>

#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/util/content_sample.h"
#include "lib/util/digest.h"
#include "tests/load/daemon_fixture.h"

namespace btfd::tests {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class MessageAbuse : public DaemonTest {
 protected:
  void Begin(const std::vector<std::string>& options = {}) {
    Start(options);
    SendBases(small_);
    ExpectRight(good(), Connect().get());
    before_ = Now();
  }
  const Case& good() const { return small_.cases[0]; }

  // A refused message may cost as much memory as its size, and what gRPC keeps
  // of it.
  void ExpectCheap(uint64_t bytes_sent) const {
    ExpectUnharmed(good(), before_, MiB(64) + 2 * bytes_sent);
    EXPECT_LT(Now().peak,
              before_.peak + 3 * bytes_sent + MiB(64) + kSanitizerMemory);
  }

  v1::FinalizeResponse Finalize(const v1::FinalizeRequest& request) const {
    const auto response = Connect()->Finalize(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::FinalizeResponse();
  }

  // The encoding of a message, repeated `times` times.
  static std::string Times(const std::string& bytes, size_t times) {
    std::string all;
    all.reserve(bytes.size() * times);
    for (size_t i = 0; i < times; ++i) all += bytes;
    return all;
  }
  // A message field with this number and these bytes.
  static std::string Field(int number, const std::string& bytes) {
    std::string field(1, static_cast<char>(number << 3 | 2));
    size_t length = bytes.size();
    for (; length >= 128; length /= 128) {
      field.push_back(static_cast<char>(length % 128 + 128));
    }
    field.push_back(static_cast<char>(length));
    return field + bytes;
  }

  const Workload small_ = SmallWorkload(6);
  Footprint before_;
};

constexpr size_t kMany = 8 << 20;

TEST_F(MessageAbuse, MillionsOfEmptySymbolsAreCountedBeforeTheyAreMade) {
  Begin();
  // Two bytes each here, and fifty times as much once they are parsed.
  const std::string symbols = Times(Field(4, ""), kMany);
  const auto answer = Connect()->Call("Finalize", Field(5, symbols));
  ASSERT_TRUE(answer.ok()) << answer.status();
  v1::FinalizeResponse response;
  ASSERT_TRUE(response.ParseFromString(*answer));
  EXPECT_EQ(response.outcome(), v1::TOO_LARGE);
  EXPECT_THAT(response.message(), HasSubstr("8388609 fields"));
  ExpectCheap(symbols.size());
}

TEST_F(MessageAbuse, MillionsOfFieldsThatNobodyKnowsAreRefusedEverywhere) {
  Begin();
  // Field number 90 with value 0: three bytes here, sixteen in memory. It is
  // put into a FinalizeRequest, into its steps, and into one of its symbols.
  const std::string unknown = Times(std::string("\xd0\x05\0", 3), kMany);
  for (const std::string& message :
       {unknown, Field(6, unknown), Field(5, Field(4, unknown))}) {
    const auto answer = Connect()->Call("Finalize", message);
    ASSERT_TRUE(answer.ok()) << answer.status();
    v1::FinalizeResponse response;
    ASSERT_TRUE(response.ParseFromString(*answer));
    EXPECT_EQ(response.outcome(), v1::TOO_LARGE) << response.message();
  }
  for (const char* method : {"Greet", "BindFileKey", "ListBases", "RemoveBase",
                             "GetStatus", "ReportEvents"}) {
    const absl::Status status = Connect()->Call(method, unknown).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << method;
    EXPECT_THAT(std::string(status.message()), HasSubstr("at most 65536"));
  }
  ExpectCheap(unknown.size());
}

TEST_F(MessageAbuse, EventsUnderMillionsOfNamesAreNotTaken) {
  Begin();
  v1::ReportEventsRequest request;
  for (int i = 0; i < 10'000; ++i) {
    (*request.mutable_events())[absl::StrCat("event", i)] = UINT64_MAX;
  }
  EXPECT_EQ(Connect()
                ->Call("ReportEvents", request.SerializeAsString())
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
  ExpectCheap(MiB(1));
}

TEST_F(MessageAbuse, NothingIsInflated) {
  Begin();
  // 60 MiB of zeros are 60 KiB of gzip.
  v1::FinalizeRequest request = good().request;
  request.set_btf(std::string(MiB(60), '\0'));
  const absl::Status status =
      Connect()
          ->Call("Finalize", request.SerializeAsString(), /*gzip=*/true)
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  ExpectCheap(MiB(1));
}

TEST_F(MessageAbuse, WhatIsNoMessageIsCalledThat) {
  Begin();
  const std::string good_bytes = good().request.SerializeAsString();
  const std::string cases[] = {
      "\xff\xff\xff",
      good_bytes.substr(0, good_bytes.size() - 1),  // unfinished
      Field(5, good_bytes),                         // of another type
      "\x0b\x0b\x0b",                               // groups
      std::string("\x2a\xff\xff\xff\xff\x7f", 6),   // a length of 32 GB
      std::string("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),
      std::string(1000, '\0'),
  };
  for (const std::string& bytes : cases) {
    const auto answer = Connect()->Call("Finalize", bytes);
    if (answer.ok()) {
      v1::FinalizeResponse response;
      ASSERT_TRUE(response.ParseFromString(*answer));
      EXPECT_EQ(response.outcome(), v1::BAD_REQUEST) << response.message();
    } else {
      EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(answer.status().message(), "not a btfd.v1.FinalizeRequest");
    }
  }
  EXPECT_EQ(Connect()->Call("NoSuch", "").status().code(),
            absl::StatusCode::kUnimplemented);
  ExpectCheap(MiB(1));
}

TEST_F(MessageAbuse, AMessageOfTheLargestSizeAndOneBeyondIt) {
  Begin({"max_btf_bytes=4M"});
  v1::FinalizeRequest request = good().request;
  request.set_btf(std::string(MiB(4), 'x'));
  EXPECT_EQ(Finalize(request).outcome(), v1::BAD_BTF);
  request.mutable_btf()->push_back('x');
  EXPECT_EQ(Finalize(request).outcome(), v1::TOO_LARGE);
  request.set_btf(std::string(MiB(21), 'x'));
  const absl::Status status = Connect()->Finalize(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  ExpectCheap(MiB(25));
}

TEST_F(MessageAbuse, ValuesThatDoNotExistAndNumbersThatOverflow) {
  Begin();
  const auto refused = [this](auto spoil) {
    v1::FinalizeRequest request = good().request;
    spoil(&request);
    return Finalize(request).outcome();
  };
  using Request = v1::FinalizeRequest;
  EXPECT_EQ(refused([](Request* r) {
              r->mutable_steps()->set_kfuncs(static_cast<v1::KfuncSource>(-1));
            }),
            v1::BAD_REQUEST);
  EXPECT_EQ(refused([](Request* r) {
              r->mutable_steps()->set_new_header_size(UINT32_MAX);
            }),
            v1::BAD_REQUEST);
  EXPECT_EQ(refused([](Request* r) { r->mutable_base()->set_digest("no"); }),
            v1::BAD_REQUEST);
  // Addresses around the end of the address space.
  for (const uint64_t address : {UINT64_MAX, UINT64_MAX - 3, uint64_t{0}}) {
    for (const uint64_t value : {UINT64_MAX, UINT64_MAX - 3, uint64_t{4}}) {
      EXPECT_THAT(refused([&](Request* r) {
                    v1::IdsSection* const ids = r->mutable_ids();
                    ids->set_content(std::string(8, '\0'));
                    ids->set_address(address);
                    v1::IdSymbol* const symbol = ids->add_symbols();
                    symbol->set_name("__BTF_ID__set8__s__1");
                    symbol->set_value(value);
                    symbol->set_size(UINT64_MAX);
                  }),
                  AnyOf(v1::OK, v1::BAD_IDS, v1::BAD_BTF))
          << address << " " << value;
    }
  }
  ExpectCheap(MiB(1));
}

// Uploads of bases.

class UploadAbuse : public MessageAbuse {
 protected:
  // Uploads these parts and returns the answer.
  v1::AddBaseResponse Upload(const std::vector<v1::AddBaseRequest>& parts) {
    const auto client = Connect();
    const auto upload = client->StartUpload();
    for (const v1::AddBaseRequest& part : parts) upload->Write(part);
    const auto response = upload->Finish();
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::AddBaseResponse();
  }
  static v1::AddBaseRequest Chunk(const std::string& bytes) {
    v1::AddBaseRequest part;
    part.set_chunk(bytes);
    return part;
  }
  static v1::AddBaseRequest HeaderOfSize(const std::string& raw,
                                         uint64_t size) {
    v1::AddBaseRequest header = HeaderFor(raw);
    header.mutable_header()->set_size(size);
    return header;
  }
  // Expects that the daemon does not have this base.
  void ExpectUnknown(const std::string& raw) const {
    v1::FinalizeRequest request = good().request;
    request.mutable_base()->set_digest(
        std::string(util::Digest::Of(raw).binary()));
    EXPECT_EQ(Finalize(request).outcome(), v1::BASE_UNKNOWN);
  }
};

TEST_F(UploadAbuse, PartsInAnyOtherOrderAreRefused) {
  Begin();
  const std::string raw = SpareBase();
  const std::string first = raw.substr(0, 20), rest = raw.substr(20);
  const std::vector<std::vector<v1::AddBaseRequest>> uploads = {
      {},
      {Chunk(raw)},
      {v1::AddBaseRequest()},
      {HeaderFor(raw)},
      {HeaderFor(raw), HeaderFor(raw), Chunk(raw)},
      {HeaderFor(raw), Chunk(first), HeaderFor(raw), Chunk(rest)},
      {HeaderFor(raw), v1::AddBaseRequest(), Chunk(raw)},
      {HeaderFor(raw), Chunk(rest), Chunk(first)},
      {HeaderFor(raw), Chunk(first), Chunk(first), Chunk(rest)},
      {HeaderFor(raw), Chunk(first)},
      {HeaderFor(raw), Chunk(raw), Chunk("x")},
      {HeaderOfSize(raw, raw.size() - 1), Chunk(raw)},
      {HeaderOfSize(raw, raw.size() + 1), Chunk(raw)},
      {HeaderOfSize(raw, 0), Chunk(raw)},
  };
  for (size_t i = 0; i < uploads.size(); ++i) {
    const v1::AddBaseResponse response = Upload(uploads[i]);
    EXPECT_EQ(response.outcome(), v1::BAD_REQUEST)
        << "upload " << i << ": " << response.message();
  }
  EXPECT_EQ(Upload({HeaderOfSize(raw, UINT64_MAX), Chunk(raw)}).outcome(),
            v1::TOO_LARGE);
  EXPECT_EQ(
      Upload({HeaderOfSize(raw, uint64_t{1} << 63), Chunk(raw)}).outcome(),
      v1::TOO_LARGE);
  ExpectUnknown(raw);
  ExpectCheap(MiB(1));
}

TEST_F(UploadAbuse, ABaseUnderAnothersDigestIsNotTaken) {
  Begin();
  const std::string raw = SpareBase();
  v1::AddBaseRequest header = HeaderFor(raw);
  // One base that clients may ask for later, and one that they use now.
  for (const std::string& victim :
       {std::string("a base to come"), small_.bases[0]}) {
    header.mutable_header()->set_digest(
        std::string(util::Digest::Of(victim).binary()));
    const v1::AddBaseResponse response = Upload({header, Chunk(raw)});
    if (response.outcome() == v1::OK) {
      EXPECT_TRUE(response.already_known()) << "the true one stays";
    } else {
      EXPECT_THAT(response.message(), HasSubstr("the bytes have the digest"));
    }
  }
  ExpectUnknown("a base to come");
  ExpectUnknown(raw);
  ExpectRight(good(), Connect().get());
}

TEST_F(UploadAbuse, MegabytesOfWhatIsNoChunkAreNotKept) {
  Begin();
  const std::string unknown = Times(std::string("\xd0\x05\0", 3), kMany);
  v1::AddBaseRequest part;
  part.mutable_header()->set_origin(unknown);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Upload({part}).outcome(), v1::BAD_REQUEST);
  }
  // A wrong length of the name is refused, even if all else is right.
  part = HeaderFor(SpareBase());
  part.mutable_header()->set_origin(unknown);
  EXPECT_THAT(Upload({part, Chunk(SpareBase())}).message(),
              HasSubstr("origin has 25165824 bytes"));
  ExpectUnknown(SpareBase());
  // The same fields without the string around them.
  const absl::Status status =
      Connect()->Call("AddBase", Field(1, unknown)).status();
  EXPECT_TRUE(status.ok()) << status << ": refused by its outcome";
  ExpectCheap(unknown.size());
}

// File keys. A file key is a short name for a digest. A client gives it, and
// the daemon believes it only as far as the sample in it fits the base.

// Two bases that differ only in bytes that are in no piece of the sample.
std::pair<std::string, std::string> LookAlikes() {
  constexpr size_t kStringLength = 20;  // its place in the header
  std::string one = SpareBase();
  uint32_t length;
  memcpy(&length, &one[kStringLength], sizeof(length));
  const size_t end = one.size();
  one.append(1 << 20, 'a').push_back('\0');
  length += one.size() - end;
  memcpy(&one[kStringLength], &length, sizeof(length));
  std::string other = one;
  for (size_t at = end; at < one.size(); at += 1000) {
    other = one;
    other[at] = 'b';
    if (util::SampleOf(other) == util::SampleOf(one)) break;
  }
  return {one, other};
}

class KeyAbuse : public MessageAbuse {
 protected:
  // The key of a file with the content `raw`.
  static v1::FileKey KeyLike(const std::string& raw) {
    v1::FileKey key;
    key.set_boot_id("boot");
    key.set_inode(7);
    key.set_size(1000);
    key.set_notes(util::SampleOf(""));
    key.set_sample(util::SampleOf(raw));
    return key;
  }
  v1::Outcome Bind(const v1::FileKey& key, const std::string& raw) const {
    v1::BindFileKeyRequest request;
    *request.mutable_file_key() = key;
    request.set_digest(std::string(util::Digest::Of(raw).binary()));
    const auto response = Connect()->BindFileKey(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->outcome() : v1::INTERNAL;
  }
  v1::FinalizeResponse FinalizeByKey(const v1::FileKey& key) const {
    v1::FinalizeRequest request = good().request;
    request.mutable_base()->clear_digest();
    *request.mutable_base()->mutable_file_key() = key;
    return Finalize(request);
  }
};

TEST_F(KeyAbuse, AKeyOfAnotherContentIsNotTaken) {
  Begin();
  const std::string& base = small_.bases[0];
  const std::string other = SpareBase();
  ASSERT_TRUE(Connect()->AddBase(other).ok());
  const v1::FileKey key = KeyLike(base);
  EXPECT_EQ(Bind(key, other), v1::BAD_REQUEST);
  EXPECT_EQ(FinalizeByKey(key).outcome(), v1::BASE_KEY_UNKNOWN);
  EXPECT_EQ(Bind(key, base), v1::OK);
  EXPECT_EQ(SignatureOf(FinalizeByKey(key)), good().expected);
  // The client that tries this cannot take the key from its base, either.
  EXPECT_EQ(Bind(key, other), v1::BAD_REQUEST);
  EXPECT_EQ(SignatureOf(FinalizeByKey(key)), good().expected);
}

TEST_F(KeyAbuse, AKeyThatIsSaidToBeOfTwoBasesIsOfNone) {
  Begin();
  const auto [one, other] = LookAlikes();
  ASSERT_NE(one, other);
  const v1::FileKey key = KeyLike(one);
  ASSERT_EQ(key.sample(), KeyLike(other).sample());
  EXPECT_EQ(Bind(key, "of no base that is there"), v1::BASE_UNKNOWN);
  ASSERT_TRUE(Connect()->AddBase(one).ok());
  ASSERT_TRUE(Connect()->AddBase(other).ok());
  EXPECT_EQ(FinalizeByKey(key).outcome(), v1::BASE_KEY_UNKNOWN);
  EXPECT_EQ(Bind(key, one), v1::OK);
  EXPECT_NE(FinalizeByKey(key).outcome(), v1::BASE_KEY_UNKNOWN);
  EXPECT_EQ(Bind(key, one), v1::OK) << "the same again";
  // A file has one content. It is not known which of the two clients lied, so
  // the key is bound to neither base: clients have to send the digest.
  EXPECT_EQ(Bind(key, other), v1::BAD_REQUEST);
  EXPECT_EQ(FinalizeByKey(key).outcome(), v1::BASE_KEY_UNKNOWN);
  EXPECT_EQ(Bind(key, one), v1::BAD_REQUEST);
  EXPECT_EQ(FinalizeByKey(key).outcome(), v1::BASE_KEY_UNKNOWN);
  // It is so after a restart, too.
  Stop();
  Start();
  EXPECT_EQ(FinalizeByKey(key).outcome(), v1::BASE_KEY_UNKNOWN);
}

// No message of a client says what a result is. So a client gets another
// request's result only if its own, different request has the same key.
TEST_F(MessageAbuse, ARequestThatDiffersInAnythingGetsNoOthersResult) {
  Begin();
  using Request = v1::FinalizeRequest;
  const std::vector<std::function<void(Request*)>> changes = {
      [](Request* r) { r->mutable_steps()->set_sort(!r->steps().sort()); },
      [](Request* r) { r->mutable_steps()->set_dedup(!r->steps().dedup()); },
      [](Request* r) {
        r->mutable_steps()->set_distill(!r->steps().distill());
      },
      [](Request* r) { r->mutable_steps()->set_new_header_size(24); },
      // Bytes that are moved from one field to the next.
      [](Request* r) {
        r->set_distilled_base(r->btf().substr(r->btf().size() - 4));
        r->mutable_btf()->resize(r->btf().size() - 4);
      },
      [](Request* r) { r->clear_base(); },
      [](Request* r) { r->mutable_ids()->set_content(""); },
      [](Request* r) { r->mutable_ids()->set_content(std::string(4, '\0')); },
  };
  for (const auto& change : changes) {
    for (const Case& each : small_.cases) {
      Request request = each.request;
      change(&request);
      request.set_bypass_cache(true);
      const v1::FinalizeResponse alone = Finalize(request);
      request.set_bypass_cache(false);
      for (int i = 0; i < 2; ++i) {
        const v1::FinalizeResponse cached = Finalize(request);
        EXPECT_EQ(cached.outcome(), alone.outcome()) << each.name;
        EXPECT_EQ(SignatureOf(cached), SignatureOf(alone)) << each.name;
      }
    }
  }
  for (const Case& each : small_.cases) {
    for (int i = 0; i < 2; ++i) {
      ExpectRight(each, Connect().get(), /*bypass_cache=*/false);
    }
  }
}

}  // namespace
}  // namespace btfd::tests
