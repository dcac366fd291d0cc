// SPDX-License-Identifier: Apache-2.0
//
// Tests Finalize over gRPC: every outcome, and how requests share the daemon.
#include <atomic>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "daemon/testing/service_test_util.h"

namespace btfd::daemon {
namespace {

using store::Counter;
using ::testing::ElementsAre;

class FinalizeTest : public ServiceTest {};

TEST_F(FinalizeTest, AModuleOverAKnownBaseIsFinalized) {
  Start();
  const SampleBtf btf;
  ASSERT_THAT(AddBase(btf), Ended(v1::OK, ""));
  v1::FinalizeRequest request = RequestFor(btf);
  request.set_tag(77);
  const v1::FinalizeResponse response = Finalize(request);
  EXPECT_THAT(response, Ended(v1::OK, ""));
  EXPECT_EQ(response.tag(), 77u);
  EXPECT_EQ(response.btf(), btf.module_raw);  // sorted already
  EXPECT_EQ(response.types_in(), 1u);
  EXPECT_EQ(response.types_out(), 1u);
  EXPECT_GT(response.engine_ns(), 0u);
  EXPECT_FALSE(response.cached());
  EXPECT_EQ(Count(Counter::kOutcomeOk), 1u);
  EXPECT_EQ(Count(Counter::kRequests), 1u);
  EXPECT_EQ(Count(Counter::kBytesIn), btf.module_raw.size());
}

TEST_F(FinalizeTest, DedupAndDistillUseTheIndexOfTheBase) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  request.mutable_steps()->set_dedup(true);
  request.mutable_steps()->set_distill(true);
  const v1::FinalizeResponse response = Finalize(request);
  EXPECT_THAT(response, Ended(v1::OK, ""));
  EXPECT_TRUE(response.has_btf());
  EXPECT_TRUE(response.has_btf_base());
}

TEST_F(FinalizeTest, AResidueIsFinishedByTheRulesOfItsLibbpf) {
  Start();
  btf::testing::BtfBuilder base;
  base.Typedef("in_base", base.Int("int", 4));
  const std::string base_raw = base.Build();
  ASSERT_THAT(Upload(HeaderFor(base_raw), {base_raw}), Ended(v1::OK, ""));
  btf::testing::BtfBuilder residue;
  residue.String("unused");
  residue.Typedef("in_base", residue.Int("int", 4));
  v1::FinalizeRequest request;
  request.mutable_base()->set_digest(
      std::string(util::Digest::Of(base_raw).binary()));
  request.set_btf(residue.Build());
  request.mutable_steps()->set_new_header_size(32);
  const size_t empty = 24 + sizeof("unused");
  for (const auto& [encoded, size] :
       {std::pair(v1::ENCODED_BY_LIBBPF_1_1, empty),
        std::pair(v1::ENCODED_BY_LIBBPF_1_5, empty),
        std::pair(v1::ENCODED_BY_LIBBPF_1_7, empty + 12),
        std::pair(v1::ENCODED_BY_LIBBPF_1_8, empty + 8)}) {
    request.mutable_steps()->set_encoded(encoded);
    const v1::FinalizeResponse response = Finalize(request);
    EXPECT_THAT(response, Ended(v1::OK, ""));
    EXPECT_FALSE(response.cached());
    EXPECT_EQ(response.btf().size(), size) << encoded;
    const v1::FinalizeResponse again = Finalize(request);
    EXPECT_TRUE(again.cached());
    EXPECT_EQ(again.btf(), response.btf());
  }
}

TEST_F(FinalizeTest, AnUnknownDigestAsksForTheBase) {
  Start();
  const SampleBtf btf;
  EXPECT_THAT(Finalize(RequestFor(btf)),
              Ended(v1::BASE_UNKNOWN, btf.digest().hex()));
  EXPECT_EQ(Count(Counter::kOutcomeBaseUnknown), 1u);
}

TEST_F(FinalizeTest, AnUnknownFileKeyAsksForTheDigest) {
  Start();
  const SampleBtf btf;
  v1::FinalizeRequest request = RequestFor(btf);
  request.mutable_base()->clear_digest();
  *request.mutable_base()->mutable_file_key() = SampleKey(btf);
  EXPECT_THAT(Finalize(request), Ended(v1::BASE_KEY_UNKNOWN, "digest"));
  EXPECT_EQ(Count(Counter::kFileKeyMisses), 1u);

  v1::AddBaseRequest::Header header = HeaderFor(btf.base_raw);
  *header.mutable_file_key() = SampleKey(btf);
  Upload(header, {btf.base_raw});
  EXPECT_THAT(Finalize(request), Ended(v1::OK, ""));
  EXPECT_EQ(Count(Counter::kFileKeyHits), 1u);
}

struct BadRequest {
  std::string name;
  std::function<void(v1::FinalizeRequest*)> spoil;
  std::string words;
};
class BadRequestTest : public ServiceTest,
                       public ::testing::WithParamInterface<BadRequest> {};

TEST_P(BadRequestTest, IsRefusedWithTheReason) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  GetParam().spoil(&request);
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_REQUEST, GetParam().words));
  EXPECT_EQ(Count(Counter::kOutcomeBadRequest), 1u);
}

using Request = v1::FinalizeRequest;
INSTANTIATE_TEST_SUITE_P(
    Each, BadRequestTest,
    ::testing::Values(
        BadRequest{"NoSteps", [](Request* r) { r->clear_steps(); }, "no steps"},
        BadRequest{"EmptyBase", [](Request* r) { r->mutable_base()->Clear(); },
                   "neither digest nor file_key"},
        BadRequest{"ShortDigest",
                   [](Request* r) { r->mutable_base()->set_digest("abc"); },
                   "32 bytes"},
        BadRequest{"KeyWithoutBoot",
                   [](Request* r) {
                     r->mutable_base()->Clear();
                     r->mutable_base()->mutable_file_key()->set_inode(1);
                   },
                   "boot_id"},
        BadRequest{
            "HeaderSize",
            [](Request* r) { r->mutable_steps()->set_new_header_size(28); },
            "28, not 24 or 32"},
        BadRequest{"UnknownKfuncSource",
                   [](Request* r) {
                     r->mutable_steps()->set_kfuncs(
                         static_cast<v1::KfuncSource>(9));
                   },
                   "no value 9"},
        BadRequest{
            "ImplicitArgsWithoutKfuncs",
            [](Request* r) { r->mutable_steps()->set_kfuncs(v1::KFUNCS_NONE); },
            "implicit_args needs"},
        BadRequest{"KfuncTagsWithoutSet8",
                   [](Request* r) { r->mutable_steps()->set_kfunc_tags(true); },
                   "kfunc_tags needs"},
        BadRequest{"FollowWithoutResolve",
                   [](Request* r) {
                     r->mutable_steps()->set_resolve_ids(false);
                     r->mutable_steps()->set_follow_resolved_ids(true);
                   },
                   "follow_resolved_ids needs"},
        BadRequest{
            "KernelCheckForTheCache",
            [](Request* r) { r->mutable_steps()->set_kernel_check(true); },
            "kernel_check needs bypass_cache"},
        BadRequest{"RebaseWithoutBase",
                   [](Request* r) {
                     r->clear_base();
                     r->mutable_steps()->set_rebase(true);
                   },
                   "rebase needs a base"},
        BadRequest{"RebaseOfDistilled",
                   [](Request* r) {
                     r->mutable_steps()->set_rebase(true);
                     r->set_distilled_base("x");
                   },
                   "without distilled_base"},
        BadRequest{"EncodedByWhom",
                   [](Request* r) {
                     r->mutable_steps()->set_encoded(
                         static_cast<v1::EncodedBy>(9));
                   },
                   "no value 9"},
        BadRequest{"EncodedAndRebase",
                   [](Request* r) {
                     r->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_7);
                     r->mutable_steps()->set_rebase(true);
                   },
                   "encoded excludes steps.rebase"},
        BadRequest{"EncodedAndKernelCheck",
                   [](Request* r) {
                     r->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_7);
                     r->mutable_steps()->set_kernel_check(true);
                     r->set_bypass_cache(true);
                   },
                   "encoded excludes steps.kernel_check"},
        BadRequest{"EncodedAndFollow",
                   [](Request* r) {
                     r->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_7);
                     r->mutable_steps()->set_follow_resolved_ids(true);
                   },
                   "encoded excludes steps.follow_resolved_ids"},
        BadRequest{"EncodedAndDistilled",
                   [](Request* r) {
                     r->mutable_steps()->set_encoded(v1::ENCODED_BY_LIBBPF_1_7);
                     r->set_distilled_base("x");
                   },
                   "without distilled_base"},
        BadRequest{"RegisterSplit",
                   [](Request* r) { r->set_register_result(true); },
                   "split BTF is no base"}),
    [](const auto& info) { return info.param.name; });

TEST_F(FinalizeTest, DefectiveBtfIsNamedWithItsPlace) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  request.mutable_btf()->at(0) = 'x';
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_BTF, ".BTF"));
  request.clear_btf();
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_BTF, ".BTF"));
  EXPECT_EQ(Count(Counter::kOutcomeBadBtf), 2u);
}

TEST_F(FinalizeTest, ADefectiveDistilledBaseIsDefectiveBtf) {
  Start();
  v1::FinalizeRequest request = RequestFor(SampleBtf());
  request.clear_base();
  request.set_distilled_base("rubbish");
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_BTF, ".BTF.base"));
}

TEST_F(FinalizeTest, DefectiveIdsAreNamedWithTheirPlace) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  v1::IdsSection* ids = request.mutable_ids();
  ids->set_content(std::string(8, '\0'));
  v1::IdSymbol* symbol = ids->add_symbols();
  symbol->set_name("__BTF_ID__struct__in_module__1");
  symbol->set_value(4096);  // outside
  symbol->set_size(4);
  EXPECT_THAT(Finalize(request), Ended(v1::BAD_IDS, ".BTF_ids"));
  EXPECT_EQ(Count(Counter::kOutcomeBadIds), 1u);
}

TEST_F(FinalizeTest, IdsAreResolvedInTheByteOrderOfTheElf) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  v1::IdsSection* ids = request.mutable_ids();
  ids->set_content(std::string(4, '\0'));
  v1::IdSymbol* symbol = ids->add_symbols();
  symbol->set_name("__BTF_ID__struct__in_module__1");
  symbol->set_size(4);
  EXPECT_EQ(Finalize(request).btf_ids(), std::string("\3\0\0\0", 4));
  ids->set_big_endian(true);
  EXPECT_EQ(Finalize(request).btf_ids(), std::string("\0\0\0\3", 4));
}

TEST_F(FinalizeTest, MoreThanTheLimitIsTooLarge) {
  options_.max_btf_bytes = 50;
  Start();
  v1::FinalizeRequest request = RequestFor(SampleBtf());
  EXPECT_THAT(Finalize(request), Ended(v1::TOO_LARGE, "at most 50"));
  request.set_btf("x");
  request.set_distilled_base(std::string(51, 'x'));
  EXPECT_THAT(Finalize(request), Ended(v1::TOO_LARGE, ".BTF.base has 51"));
  EXPECT_EQ(Count(Counter::kOutcomeTooLarge), 2u);
}

TEST_F(FinalizeTest, ADefectOfOursIsInternalAndHarmsNobodyElse) {
  std::atomic<int> run{0};
  Start([&](const engine::FinalizeInput&, const engine::Steps&,
            std::pmr::memory_resource*, engine::FinalizeOutput* output) {
    output->warnings.push_back("said before");
    switch (run++) {
      case 0:
        return absl::InternalError("a bug");
      case 1:
        throw std::bad_alloc();
      case 2:
        throw std::logic_error("another bug");
      default:
        return absl::OkStatus();
    }
  });
  v1::FinalizeRequest request = RequestFor(SampleBtf());
  request.clear_base();
  const v1::FinalizeResponse failed = Finalize(request);
  EXPECT_THAT(failed, Ended(v1::INTERNAL, "a bug"));
  EXPECT_THAT(failed.warnings(), ElementsAre("said before"));
  EXPECT_THAT(Finalize(request), Ended(v1::TOO_LARGE, "memory"));
  EXPECT_THAT(Finalize(request), Ended(v1::INTERNAL, "another bug"));
  EXPECT_THAT(Finalize(request), Ended(v1::OK, ""));
  EXPECT_EQ(Count(Counter::kOutcomeInternal), 2u);
}

TEST_F(FinalizeTest, WithoutRoomARequestWaitsAndThenIsToldSo) {
  Gate gate;
  options_.max_requests_in_flight = 1;
  Start(gate.Before(engine::Finalize));
  const SampleBtf btf;
  AddBase(btf);
  std::thread first(
      [&] { EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::OK, "")); });
  gate.AwaitWaiting(1);
  EXPECT_THAT(Finalize(RequestFor(btf), absl::Milliseconds(400)),
              Ended(v1::BUSY, "1 requests"));
  EXPECT_EQ(Count(Counter::kOutcomeBusy), 1u);

  std::thread second(
      [&] { EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::OK, "")); });
  absl::SleepFor(absl::Milliseconds(50));
  gate.Open();
  first.join();
  second.join();
}

TEST_F(FinalizeTest, BytesInFlightAreBoundedButNoRequestIsShutOut) {
  Gate gate;
  const SampleBtf btf;
  options_.max_bytes_in_flight = btf.module_raw.size() / 2;
  Start(gate.Before(engine::Finalize));
  v1::FinalizeRequest request = RequestFor(btf);
  AddBase(btf);
  std::thread first([&] { EXPECT_THAT(Finalize(request), Ended(v1::OK, "")); });
  gate.AwaitWaiting(1);
  EXPECT_THAT(Finalize(request, absl::Milliseconds(300)),
              Ended(v1::BUSY, "bytes are in flight"));
  gate.Open();
  first.join();
}

TEST_F(FinalizeTest, WhileDrainingOldRequestsEndAndNewOnesAreTurnedAway) {
  Gate gate;
  Start(gate.Before(engine::Finalize));
  const SampleBtf btf;
  AddBase(btf);
  std::thread old(
      [&] { EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::OK, "")); });
  gate.AwaitWaiting(1);
  grpc::ClientContext context;
  v1::ShutdownResponse response;
  ASSERT_TRUE(stub_->Shutdown(&context, {}, &response).ok());
  EXPECT_EQ(response.pid(), getpid());
  EXPECT_EQ(shutdowns_, 1);
  EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::DRAINING, "stopping"));
  EXPECT_THAT(AddBase(SampleBtf(1)), Ended(v1::DRAINING, "stopping"));
  EXPECT_EQ(Count(Counter::kOutcomeDraining), 2u);
  EXPECT_FALSE(service_->admission().WaitUntilIdle(absl::Milliseconds(10)));
  gate.Open();
  old.join();
  EXPECT_TRUE(service_->admission().WaitUntilIdle(absl::Seconds(20)));
}

TEST_F(FinalizeTest, ACancelledRequestIsNotComputed) {
  Gate gate;
  options_.threads = 1;
  Start(gate.Before(engine::Finalize));
  const SampleBtf btf;
  AddBase(btf);
  std::thread first(
      [&] { EXPECT_THAT(Finalize(RequestFor(btf)), Ended(v1::OK, "")); });
  gate.AwaitWaiting(1);
  grpc::ClientContext context;
  std::thread second([&] {
    v1::FinalizeResponse response;
    EXPECT_EQ(
        stub_->Finalize(&context, RequestFor(btf), &response).error_code(),
        grpc::StatusCode::CANCELLED);
  });
  while (service_->admission().in_flight() < 2)
    absl::SleepFor(absl::Milliseconds(1));
  context.TryCancel();
  second.join();
  absl::SleepFor(absl::Milliseconds(100));
  gate.Open();
  first.join();
  ExpectCount(Counter::kOutcomeCancelled, 1);
  EXPECT_EQ(Count(Counter::kOutcomeOk), 1u);
}

TEST_F(FinalizeTest, ManyClientsShareOneBaseAndAllGetTheSame) {
  Start();
  const SampleBtf btf;
  AddBase(btf);
  v1::FinalizeRequest request = RequestFor(btf);
  request.mutable_steps()->set_dedup(true);
  request.mutable_steps()->set_distill(true);
  request.set_bypass_cache(true);
  const std::string expected = Finalize(request).btf();
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        const v1::FinalizeResponse response = Finalize(request);
        EXPECT_THAT(response, Ended(v1::OK, ""));
        EXPECT_EQ(response.btf(), expected);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(Count(Counter::kBasesBuilt), 1u);
  EXPECT_EQ(Count(Counter::kOutcomeOk), 801u);
}

TEST_F(FinalizeTest, AFinalizedVmlinuxIsAWarmBaseAtOnce) {
  Start();
  const SampleBtf btf;
  v1::FinalizeRequest vmlinux = RequestFor(btf);
  vmlinux.clear_base();
  vmlinux.set_btf(btf.base_raw);
  vmlinux.set_register_result(true);
  const v1::FinalizeResponse made = Finalize(vmlinux);
  ASSERT_THAT(made, Ended(v1::OK, ""));
  v1::FinalizeRequest module = RequestFor(btf);
  module.mutable_base()->set_digest(
      std::string(util::Digest::Of(made.btf()).binary()));
  EXPECT_THAT(Finalize(module), Ended(v1::OK, ""));
  // The same from the result cache, after the base was removed.
  grpc::ClientContext context;
  v1::RemoveBaseRequest remove;
  v1::RemoveBaseResponse removed;
  remove.set_digest(module.base().digest());
  stub_->RemoveBase(&context, remove, &removed);
  EXPECT_THAT(Finalize(module), Ended(v1::BASE_UNKNOWN, ""));
  EXPECT_TRUE(Finalize(vmlinux).cached());
  EXPECT_THAT(Finalize(module), Ended(v1::OK, ""));
}

}  // namespace
}  // namespace btfd::daemon
