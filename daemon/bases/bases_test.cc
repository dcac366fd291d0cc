// SPDX-License-Identifier: Apache-2.0
//
// Tests the calls about bases, and those about the daemon itself, over gRPC.
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/testing/service_test_util.h"
#include "lib/util/content_sample.h"
#include "lib/util/event_file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/version.h"

namespace btfd::daemon {
namespace {

using store::Counter;
using ::testing::HasSubstr;

class BasesTest : public ServiceTest {
 protected:
  std::vector<v1::BaseInfo> List() {
    grpc::ClientContext context;
    v1::ListBasesResponse response;
    EXPECT_TRUE(stub_->ListBases(&context, {}, &response).ok());
    return {response.bases().begin(), response.bases().end()};
  }
  v1::RemoveBaseResponse Remove(const std::string& digest) {
    grpc::ClientContext context;
    v1::RemoveBaseRequest request;
    request.set_digest(digest);
    v1::RemoveBaseResponse response;
    EXPECT_TRUE(stub_->RemoveBase(&context, request, &response).ok());
    return response;
  }
  v1::ReadBaseResponse Read(const std::string& digest, uint64_t offset = 0) {
    grpc::ClientContext context;
    v1::ReadBaseRequest request;
    request.set_digest(digest);
    request.set_offset(offset);
    v1::ReadBaseResponse response;
    EXPECT_TRUE(stub_->ReadBase(&context, request, &response).ok());
    return response;
  }
  v1::BindFileKeyResponse Bind(const v1::FileKey& key,
                               const std::string& digest) {
    grpc::ClientContext context;
    v1::BindFileKeyRequest request;
    *request.mutable_file_key() = key;
    request.set_digest(digest);
    v1::BindFileKeyResponse response;
    EXPECT_TRUE(stub_->BindFileKey(&context, request, &response).ok());
    return response;
  }
  v1::GetStatusResponse Status() {
    grpc::ClientContext context;
    v1::GetStatusResponse response;
    EXPECT_TRUE(stub_->GetStatus(&context, {}, &response).ok());
    return response;
  }
};

TEST_F(BasesTest, ABaseIsTakenInChunks) {
  Start();
  const SampleBtf btf;
  const std::string& raw = btf.base_raw;
  const v1::AddBaseResponse response =
      Upload(HeaderFor(raw), {raw.substr(0, 10), "", raw.substr(10)});
  EXPECT_THAT(response, Ended(v1::OK, ""));
  EXPECT_EQ(response.digest(), btf.digest().binary());
  EXPECT_EQ(response.types(), 2u);
  EXPECT_FALSE(response.already_known());
}

TEST_F(BasesTest, AKnownBaseIsNotWaitedFor) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  // Not one chunk is sent.
  const v1::AddBaseResponse response = Upload(HeaderFor(btf.base_raw), {});
  EXPECT_THAT(response, Ended(v1::OK, ""));
  EXPECT_TRUE(response.already_known());
  EXPECT_EQ(response.types(), 2u);
}

TEST_F(BasesTest, ABaseIsGivenBackByItsDigest) {
  Start();
  const SampleBtf btf;
  const std::string digest(btf.digest().binary());
  EXPECT_THAT(Read(digest), Ended(v1::BASE_UNKNOWN, "is held here"));
  AddBase(btf);
  const v1::ReadBaseResponse whole = Read(digest);
  EXPECT_THAT(whole, Ended(v1::OK, ""));
  EXPECT_EQ(whole.chunk(), btf.base_raw);
  EXPECT_EQ(whole.size(), btf.base_raw.size());
  EXPECT_EQ(Read(digest, 10).chunk(), btf.base_raw.substr(10));
  const v1::ReadBaseResponse end = Read(digest, btf.base_raw.size());
  EXPECT_THAT(end, Ended(v1::OK, ""));
  EXPECT_EQ(end.chunk(), "");
  EXPECT_THAT(Read(digest, btf.base_raw.size() + 1),
              Ended(v1::BAD_REQUEST, "is beyond the base's"));
  EXPECT_THAT(Read("short"), Ended(v1::BAD_REQUEST, ""));
}

TEST_F(BasesTest, ALargeBaseComesInPieces) {
  Start();
  btf::testing::BtfBuilder builder;
  for (int i = 0; i < 200'000; ++i) {
    builder.Int(absl::StrCat("int", i), 4);
  }
  SampleBtf btf;
  btf.base_raw = builder.Build();
  AddBase(btf);
  std::string bytes;
  int pieces = 0;
  do {
    const v1::ReadBaseResponse piece =
        Read(std::string(btf.digest().binary()), bytes.size());
    ASSERT_THAT(piece, Ended(v1::OK, ""));
    EXPECT_LE(piece.chunk().size(), 1u << 20);
    bytes += piece.chunk();
    ++pieces;
  } while (bytes.size() < btf.base_raw.size() && pieces < 100);
  EXPECT_TRUE(bytes == btf.base_raw);
  EXPECT_GT(pieces, 3);
}

TEST_F(BasesTest, BytesMustHaveTheDigestTheyWereAnnouncedWith) {
  Start();
  const SampleBtf announced(1), sent(2);
  ASSERT_EQ(announced.base_raw.size(), sent.base_raw.size());
  EXPECT_THAT(Upload(HeaderFor(announced.base_raw), {sent.base_raw}),
              Ended(v1::BAD_REQUEST, sent.digest().hex()));
  EXPECT_THAT(Finalize(RequestFor(announced)), Ended(v1::BASE_UNKNOWN, ""));
  EXPECT_THAT(Finalize(RequestFor(sent)), Ended(v1::BASE_UNKNOWN, ""));
}

TEST_F(BasesTest, ADefectiveBaseIsRefusedAndForgotten) {
  Start();
  const std::string rubbish = "this is no BTF at all, however long it is";
  EXPECT_THAT(Upload(HeaderFor(rubbish), {rubbish}), Ended(v1::BAD_BASE, ""));
  EXPECT_EQ(Count(Counter::kOutcomeBadBase), 1u);
  EXPECT_TRUE(List().empty());
}

TEST_F(BasesTest, AnUploadMustKeepToItsAnnouncement) {
  Start();
  const std::string raw = SampleBtf().base_raw;
  EXPECT_THAT(Upload(HeaderFor(raw), {raw, "x"}),
              Ended(v1::BAD_REQUEST, "more than"));
  EXPECT_THAT(Upload(HeaderFor(raw), {raw.substr(1)}),
              Ended(v1::BAD_REQUEST, "ended after"));
  v1::AddBaseRequest::Header header = HeaderFor(raw);
  header.set_digest("short");
  EXPECT_THAT(Upload(header, {raw}), Ended(v1::BAD_REQUEST, "32 bytes"));
  header = HeaderFor(raw);
  header.mutable_file_key()->set_inode(3);
  EXPECT_THAT(Upload(header, {raw}), Ended(v1::BAD_REQUEST, "boot_id"));
}

TEST_F(BasesTest, AnUploadBeginsWithOneHeader) {
  Start();
  const std::string raw = SampleBtf().base_raw;
  v1::AddBaseRequest chunk, header;
  chunk.set_chunk(raw);
  *header.mutable_header() = HeaderFor(raw);
  const std::vector<std::vector<v1::AddBaseRequest>> wrong = {
      {}, {chunk}, {v1::AddBaseRequest()}, {header, header}};
  for (const auto& parts : wrong) {
    grpc::ClientContext context;
    v1::AddBaseResponse response;
    auto writer = stub_->AddBase(&context, &response);
    for (const v1::AddBaseRequest& part : parts) writer->Write(part);
    writer->WritesDone();
    ASSERT_TRUE(writer->Finish().ok());
    EXPECT_THAT(response, Ended(v1::BAD_REQUEST, "must be"));
  }
}

TEST_F(BasesTest, ALargeClaimIsRefusedBeforeAnythingIsTaken) {
  Start();
  v1::AddBaseRequest::Header header = HeaderFor("x");
  header.set_size(uint64_t{1} << 40);
  EXPECT_THAT(Upload(header, {"x"}), Ended(v1::TOO_LARGE, "max_btf_bytes"));
  // Within the limit, a header that announces a size takes no more memory than
  // is sent.
  header.set_size(options_.max_btf_bytes);
  const uint64_t before = Status().resident_bytes();
  EXPECT_THAT(Upload(header, {"x"}),
              Ended(v1::BAD_REQUEST, "ended after 1 of"));
  EXPECT_LT(Status().resident_bytes(), before + (16 << 20));
}

TEST_F(BasesTest, ManyClientsWithTheSameBaseSendItOnce) {
  Start();
  const SampleBtf btf;
  // The first client announces the base and does not send it for a while.
  grpc::ClientContext context;
  v1::AddBaseResponse first;
  auto writer = stub_->AddBase(&context, &first);
  v1::AddBaseRequest part;
  *part.mutable_header() = HeaderFor(btf.base_raw);
  writer->Write(part);
  while (service_->admission().in_flight() == 0) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  std::vector<std::thread> others;
  std::atomic<int> known{0};
  for (int i = 0; i < 8; ++i) {
    others.emplace_back([&] {
      const v1::AddBaseResponse response = AddBase(btf);
      EXPECT_THAT(response, Ended(v1::OK, ""));
      known += response.already_known();
    });
  }
  absl::SleepFor(absl::Milliseconds(100));
  part.set_chunk(btf.base_raw);
  writer->Write(part);
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_THAT(first, Ended(v1::OK, ""));
  for (std::thread& other : others) other.join();
  EXPECT_EQ(known, 8);
  EXPECT_EQ(Count(Counter::kBasesBuilt), 1u);
}

TEST_F(BasesTest, AnUploadThatIsGivenUpLeavesNothingBehind) {
  Start();
  const SampleBtf btf;
  {
    grpc::ClientContext context;
    v1::AddBaseResponse response;
    auto writer = stub_->AddBase(&context, &response);
    v1::AddBaseRequest part;
    *part.mutable_header() = HeaderFor(btf.base_raw);
    writer->Write(part);
    while (service_->admission().in_flight() == 0) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(service_->admission().WaitUntilIdle(absl::Seconds(20)));
  ExpectCount(Counter::kOutcomeCancelled, 1);
  EXPECT_THAT(AddBase(btf), Ended(v1::OK, ""));
}

TEST_F(BasesTest, AFileKeyIsBoundOnlyToABaseThatIsThere) {
  Start();
  const SampleBtf btf;
  const std::string digest(btf.digest().binary());
  EXPECT_THAT(Bind(SampleKey(btf), digest),
              Ended(v1::BASE_UNKNOWN, btf.digest().hex()));
  EXPECT_THAT(Bind(SampleKey(btf), "short"),
              Ended(v1::BAD_REQUEST, "32 bytes"));
  EXPECT_THAT(Bind(v1::FileKey(), digest), Ended(v1::BAD_REQUEST, "boot_id"));
  AddBase(btf);
  EXPECT_THAT(Bind(SampleKey(btf), digest), Ended(v1::OK, ""));

  v1::FinalizeRequest request = RequestFor(btf);
  request.mutable_base()->clear_digest();
  *request.mutable_base()->mutable_file_key() = SampleKey(btf);
  EXPECT_THAT(Finalize(request), Ended(v1::OK, ""));
  // Every field of the key counts.
  const std::vector<std::function<void(v1::FileKey*)>> changes = {
      [](v1::FileKey* k) { k->set_boot_id("other"); },
      [](v1::FileKey* k) { k->set_mount(9); },
      [](v1::FileKey* k) { k->set_file_system_type(9); },
      [](v1::FileKey* k) { k->set_file_system_id(9); },
      [](v1::FileKey* k) { k->set_notes(util::SampleOf("9")); },
      [](v1::FileKey* k) { k->set_sample(util::SampleOf("9")); },
      [](v1::FileKey* k) { k->set_device(9); },
      [](v1::FileKey* k) { k->set_inode(9); },
      [](v1::FileKey* k) { k->set_size(9); },
      [](v1::FileKey* k) { k->set_mtime_ns(9); },
      [](v1::FileKey* k) { k->set_ctime_ns(9); }};
  for (const auto& change : changes) {
    *request.mutable_base()->mutable_file_key() = SampleKey(btf);
    change(request.mutable_base()->mutable_file_key());
    EXPECT_THAT(Finalize(request), Ended(v1::BASE_KEY_UNKNOWN, ""));
  }
}

TEST_F(BasesTest, AFileKeyOfAnotherContentIsNotBoundToABase) {
  const SampleBtf one(1), two(2);
  const std::string digest(one.digest().binary());
  v1::FinalizeRequest request = RequestFor(one);
  request.mutable_base()->clear_digest();
  *request.mutable_base()->mutable_file_key() = SampleKey(two);
  Start();
  // A wrong sample binds no key: not by the upload, not afterwards, and not in
  // a daemon that has the base from the store.
  v1::AddBaseRequest::Header header = HeaderFor(one.base_raw);
  *header.mutable_file_key() = SampleKey(two);
  EXPECT_THAT(Upload(header, {one.base_raw}), Ended(v1::OK, ""));
  EXPECT_THAT(Finalize(request), Ended(v1::BASE_KEY_UNKNOWN, ""));
  EXPECT_THAT(Bind(SampleKey(two), digest),
              Ended(v1::BAD_REQUEST, "another content"));
  EXPECT_THAT(Finalize(request), Ended(v1::BASE_KEY_UNKNOWN, ""));
  Stop();
  Start();
  EXPECT_THAT(Bind(SampleKey(two), digest),
              Ended(v1::BAD_REQUEST, "another content"));
  EXPECT_THAT(Finalize(request), Ended(v1::BASE_KEY_UNKNOWN, ""));
  // The key is that of the other base; this upload does not take it away.
  EXPECT_THAT(Upload(HeaderFor(two.base_raw), {two.base_raw}),
              Ended(v1::OK, ""));
  EXPECT_THAT(Bind(SampleKey(two), std::string(two.digest().binary())),
              Ended(v1::OK, ""));
  EXPECT_THAT(Finalize(request), Ended(v1::OK, ""));
}

TEST_F(BasesTest, ARestartedDaemonAnswersTheFirstRequestFromTheStore) {
  Start();
  const SampleBtf btf;
  v1::AddBaseRequest::Header header = HeaderFor(btf.base_raw);
  *header.mutable_file_key() = SampleKey(btf);
  Upload(header, {btf.base_raw});
  v1::FinalizeRequest request = RequestFor(btf);
  request.set_bypass_cache(true);
  request.mutable_base()->clear_digest();
  *request.mutable_base()->mutable_file_key() = SampleKey(btf);
  request.mutable_steps()->set_dedup(true);
  const std::string before = Finalize(request).btf();
  Stop();

  Start();
  const v1::FinalizeResponse response = Finalize(request);
  EXPECT_THAT(response, Ended(v1::OK, ""));
  EXPECT_EQ(response.btf(), before);
  EXPECT_EQ(Count(Counter::kBasesLoaded), 1u);
  EXPECT_EQ(Count(Counter::kBasesBuilt), 0u);
}

TEST_F(BasesTest, BasesAreListedInMemoryAndInTheStore) {
  Start();
  const SampleBtf old(1), current(2);
  AddBase(old);
  Stop();
  Start();
  AddBase(current);
  Finalize(RequestFor(current));
  service_->Finish(absl::Seconds(20));
  const std::vector<v1::BaseInfo> list = List();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].digest(), current.digest().binary());
  EXPECT_EQ(list[0].origin(), "/boot/vmlinux");
  EXPECT_EQ(list[0].types(), 2u);
  EXPECT_EQ(list[0].raw_bytes(), current.base_raw.size());
  EXPECT_GT(list[0].resident_bytes(), 0u);
  EXPECT_FALSE(list[0].dedup_ready());
  EXPECT_EQ(list[0].requests(), 2u);
  EXPECT_GT(list[0].last_used_unix(), 0);
  EXPECT_EQ(list[1].digest(), old.digest().binary());
  EXPECT_EQ(list[1].resident_bytes(), 0u);
  EXPECT_EQ(list[1].types(), 2u);
}

TEST_F(BasesTest, ABaseIsRemovedByABeginningOfItsDigest) {
  Start();
  const SampleBtf one(1), two(2);
  AddBase(one);
  AddBase(two);
  const std::string digest(one.digest().binary());
  EXPECT_THAT(Remove(""), Ended(v1::BAD_REQUEST, "1 to 32"));
  EXPECT_THAT(Remove(digest + "x"), Ended(v1::BAD_REQUEST, "1 to 32"));
  EXPECT_THAT(Remove(digest.substr(0, 4)), Ended(v1::OK, ""));
  EXPECT_THAT(Remove(digest.substr(0, 4)), Ended(v1::BASE_UNKNOWN, "no base"));
  EXPECT_THAT(Finalize(RequestFor(one)), Ended(v1::BASE_UNKNOWN, ""));
  EXPECT_THAT(Finalize(RequestFor(two)), Ended(v1::OK, ""));
  Stop();
  Start();
  EXPECT_THAT(Finalize(RequestFor(one)), Ended(v1::BASE_UNKNOWN, ""));
}

TEST_F(BasesTest, AnAmbiguousBeginningRemovesNothing) {
  Start();
  // Among 257 digests two begin with the same byte.
  std::map<char, int> first_bytes;
  for (int i = 0; i < 257; ++i) {
    const SampleBtf btf(i);
    const char first = btf.digest().binary()[0];
    AddBase(btf);
    if (++first_bytes[first] < 2) continue;
    const size_t before = List().size();
    EXPECT_THAT(Remove(std::string(1, first)),
                Ended(v1::BAD_REQUEST, "means 2 bases"));
    EXPECT_EQ(List().size(), before);
    return;
  }
}

TEST_F(BasesTest, TheLeastRecentlyUsedBaseGoesAndComesBackFromTheStore) {
  options_.max_resident_base_bytes = 1;
  Start();
  const SampleBtf one(1), two(2);
  AddBase(one);
  AddBase(two);
  // While a base is being stored, its entry counts as held.
  service_->Finish(absl::Seconds(20));
  service_->Tidy();
  EXPECT_GE(Count(Counter::kBasesEvicted), 1u);
  for (const v1::BaseInfo& base : List()) EXPECT_EQ(base.resident_bytes(), 0u);
  EXPECT_THAT(Finalize(RequestFor(one)), Ended(v1::OK, ""));
  EXPECT_THAT(Finalize(RequestFor(two)), Ended(v1::OK, ""));
  EXPECT_EQ(Count(Counter::kBasesBuilt), 2u);
  EXPECT_EQ(Count(Counter::kBasesLoaded), 2u);
}

// Calls about the daemon itself.

TEST_F(BasesTest, GreetTellsTheVersions) {
  Start();
  grpc::ClientContext context;
  v1::GreetResponse response;
  ASSERT_TRUE(stub_->Greet(&context, {}, &response).ok());
  EXPECT_EQ(response.daemon_version(), util::kVersion);
  EXPECT_EQ(response.protocol(), util::kProtocolVersion);
  EXPECT_EQ(response.engine_version(), engine::kEngineVersion);
  EXPECT_EQ(response.pid(), getpid());
}

TEST_F(BasesTest, StatusTellsWhatThereIsAndWasSinceTheStoreWasMade) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  Finalize(RequestFor(btf));
  Stop();
  Start();
  Finalize(RequestFor(btf));
  const v1::GetStatusResponse status = Status();
  EXPECT_EQ(status.version(), util::kVersion);
  EXPECT_EQ(status.pid(), getpid());
  EXPECT_EQ(status.store(), store_->path());
  EXPECT_GT(status.store_bytes(), 0u);
  EXPECT_GT(status.resident_bytes(), 0u);
  EXPECT_EQ(status.requests_in_flight(), 0u);
  EXPECT_EQ(status.bases_size(), 1);
  EXPECT_EQ(status.counters().at("requests"), 1u);
  EXPECT_EQ(status.counters().at("cache_hits"), 1u);
  EXPECT_EQ(status.lifetime_counters().at("requests"), 2u);
  EXPECT_EQ(status.lifetime_counters().at("outcome_ok"), 2u);
}

TEST_F(BasesTest, WhatClientsReportIsCounted) {
  Start();
  grpc::ClientContext context;
  v1::ReportEventsRequest request;
  (*request.mutable_events())["fallback_timeout"] = 3;
  (*request.mutable_events())["of a newer client"] = 1;
  v1::ReportEventsResponse response;
  ASSERT_TRUE(stub_->ReportEvents(&context, request, &response).ok());
  const v1::GetStatusResponse status = Status();
  EXPECT_EQ(status.counters().at("fallback_timeout"), 3u);
  EXPECT_EQ(status.lifetime_counters().at("fallback_timeout"), 3u);
  EXPECT_EQ(status.counters().count("of a newer client"), 0u);
}

TEST_F(BasesTest, WhatClientsDidWithoutADaemonIsCounted) {
  options_.socket = options_.store_dir + "-b.sock";
  const std::string noted = options_.store_dir + "-b.fallbacks";
  unlink(noted.c_str());
  for (const char* event :
       {"fallback_lost", "fallback_lost", "requests", "of a newer client"}) {
    ASSERT_TRUE(util::AddEvent(noted, event).ok());
  }
  Start();
  ASSERT_TRUE(util::AddEvent(noted, "fallback_lost").ok());
  const v1::GetStatusResponse status = Status();
  EXPECT_EQ(status.counters().at("fallback_lost"), 3u);
  EXPECT_EQ(status.lifetime_counters().at("fallback_lost"), 3u);
  EXPECT_EQ(status.counters().count("requests"), 0u) << "not theirs to say";
  EXPECT_EQ(Status().counters().at("fallback_lost"), 3u) << "counted once";
}

TEST_F(BasesTest, WithoutAStoreEverythingWorksButIsForgotten) {
  Start();
  Service::Parts parts;
  parts.options = options_;
  parts.store_path = "none: for a test";
  parts.counters = counters_.get();
  parts.log = &log_;
  Service service(std::move(parts));
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  stub_ = StubOf(server.get());
  const SampleBtf btf;
  EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::BASE_UNKNOWN, ""));
  EXPECT_THAT(AddBase(btf), Ended(v1::OK, ""));
  EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::OK, ""));
  EXPECT_FALSE(Finalize(RequestFor(btf)).cached());
  EXPECT_EQ(Status().store(), "none: for a test");
  EXPECT_EQ(Status().lifetime_counters().at("requests"), 3u);
  EXPECT_EQ(List().size(), 1u);
  stub_ = nullptr;
  server->Shutdown();
}

}  // namespace
}  // namespace btfd::daemon
