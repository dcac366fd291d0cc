// SPDX-License-Identifier: Apache-2.0
//
// Runs a whole service in the test's process, behind a real gRPC server, with a
// real store in a scratch directory. Also makes small BTF to send to it.
#ifndef BTFD_DAEMON_TESTING_SERVICE_TEST_UTIL_H_
#define BTFD_DAEMON_TESTING_SERVICE_TEST_UTIL_H_

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "daemon/rpc/service.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/testing/builder.h"
#include "lib/store/store.h"
#include "lib/util/content_sample.h"
#include "lib/util/digest.h"

namespace btfd::daemon {

// A base, and a module over it. Each `number` gives another base.
struct SampleBtf {
  explicit SampleBtf(int number = 0) {
    btf::testing::BtfBuilder base;
    const btf::TypeId i32 = base.Int("int", 4);
    base.Struct(absl::StrCat("in_base_", number), 4, {{"a", i32, 0}});
    base_raw = base.Build();
    btf::testing::BtfBuilder split(base);
    split.Struct("in_module", 8, {{"b", i32, 0}, {"c", i32, 32}});
    module_raw = split.Build();
  }

  util::Digest digest() const { return util::Digest::Of(base_raw); }

  std::string base_raw;
  std::string module_raw;
};

// The key of a file that holds the base's raw bytes.
inline v1::FileKey SampleKey(const SampleBtf& btf) {
  v1::FileKey key;
  key.set_boot_id("boot");
  key.set_inode(1);
  key.set_size(btf.base_raw.size());
  key.set_notes(util::SampleOf(""));
  key.set_sample(util::SampleOf(btf.base_raw));
  return key;
}

// A request of profile 7.2, in-tree.
inline v1::FinalizeRequest RequestFor(const SampleBtf& btf) {
  v1::FinalizeRequest request;
  request.mutable_base()->set_digest(std::string(btf.digest().binary()));
  request.set_btf(btf.module_raw);
  v1::Steps* steps = request.mutable_steps();
  steps->set_kfuncs(v1::KFUNCS_DECL_TAGS);
  steps->set_implicit_args(true);
  steps->set_sort(true);
  steps->set_resolve_ids(true);
  steps->set_new_header_size(32);
  return request;
}

// Stops requests before the engine, until the test opens it.
class Gate {
 public:
  wire::FinalizeFn Before(wire::FinalizeFn finalize) {
    return [this, finalize](const engine::FinalizeInput& input,
                            const engine::Steps& steps,
                            std::pmr::memory_resource* memory,
                            engine::FinalizeOutput* output) {
      {
        absl::MutexLock lock(&mutex_);
        ++waiting_;
        mutex_.Await(absl::Condition(&open_));
        --waiting_;
      }
      return finalize(input, steps, memory, output);
    };
  }
  void Open() {
    absl::MutexLock lock(&mutex_);
    open_ = true;
  }
  void AwaitWaiting(int count) {
    const auto there = [&] { return waiting_ == count; };
    absl::MutexLock lock(&mutex_);
    ASSERT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(20)));
  }

 private:
  absl::Mutex mutex_;
  bool open_ = false;
  int waiting_ = 0;
};

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    // Names of parameterized tests have slashes.
    options_.store_dir = absl::StrCat(
        ::testing::TempDir(), "/",
        absl::StrReplaceAll(
            absl::StrCat(test->test_suite_name(), ".", test->name()),
            {{"/", "."}}));
    std::filesystem::remove_all(options_.store_dir);
    options_.threads = 2;
  }
  ~ServiceTest() override { Stop(); }

  void Start(wire::FinalizeFn finalize = engine::Finalize) {
    store::StoreOptions store_options;
    store_options.directory = options_.store_dir;
    store_options.log = &log_;
    store_options.counters = counters_.get();
    auto store = store::Store::Open(std::move(store_options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    Service::Parts parts;
    parts.options = options_;
    parts.store = store_.get();
    parts.store_path = store_->path();
    parts.counters = counters_.get();
    parts.log = &log_;
    parts.shared = shared_;
    parts.finalize = std::move(finalize);
    parts.on_shutdown = [this] { ++shutdowns_; };
    service_ = std::make_unique<Service>(std::move(parts));
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    builder.SetMaxReceiveMessageSize(64 << 20);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = NewStub();
  }

  std::unique_ptr<v1::Btfd::Stub> NewStub() { return StubOf(server_.get()); }

  // Connects by a socket, as real clients do.
  static std::unique_ptr<v1::Btfd::Stub> StubOf(grpc::Server* server) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                         ends),
              0);
    grpc::AddInsecureChannelFromFd(server, ends[0]);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    return v1::Btfd::NewStub(
        grpc::CreateCustomInsecureChannelFromFd("test", ends[1], arguments));
  }

  // Ends the service as a daemon ends. Start() then begins a new one over the
  // same store.
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::seconds(5));
    server_->Wait();
    stub_ = nullptr;
    server_ = nullptr;
    service_->Finish(absl::Seconds(20));
    service_ = nullptr;
    store_ = nullptr;
    counters_ = std::make_unique<store::Counters>();
  }

  uint64_t Count(store::Counter counter) const {
    return counters_->Get(counter);
  }
  // The counters of an answer are final only shortly after the answer came.
  void ExpectCount(store::Counter counter, uint64_t expected) const {
    for (int i = 0; i < 400 && Count(counter) != expected; ++i) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_EQ(Count(counter), expected)
        << store::kCounters[static_cast<size_t>(counter)].name;
  }

  v1::FinalizeResponse Finalize(const v1::FinalizeRequest& request,
                                absl::Duration limit = absl::Seconds(60)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + limit));
    v1::FinalizeResponse response;
    const grpc::Status status = stub_->Finalize(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Sends this header and these chunks.
  v1::AddBaseResponse Upload(const v1::AddBaseRequest::Header& header,
                             const std::vector<std::string>& chunks) {
    grpc::ClientContext context;
    v1::AddBaseResponse response;
    auto writer = stub_->AddBase(&context, &response);
    v1::AddBaseRequest part;
    *part.mutable_header() = header;
    writer->Write(part);
    for (const std::string& chunk : chunks) {
      part.set_chunk(chunk);
      writer->Write(part);
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  static v1::AddBaseRequest::Header HeaderFor(const std::string& raw) {
    v1::AddBaseRequest::Header header;
    header.set_digest(std::string(util::Digest::Of(raw).binary()));
    header.set_size(raw.size());
    header.set_origin("/boot/vmlinux");
    return header;
  }
  v1::AddBaseResponse AddBase(const SampleBtf& btf) {
    return Upload(HeaderFor(btf.base_raw), {btf.base_raw});
  }

  Options options_;
  util::Log log_{util::LogLevel::kError};
  std::unique_ptr<store::Counters> counters_ =
      std::make_unique<store::Counters>();
  std::unique_ptr<store::Store> store_;
  SharedCache* shared_ = nullptr;  // for the next Start()
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Btfd::Stub> stub_;
  std::atomic<int> shutdowns_{0};
};

// Matches a response with that outcome and a message that contains those words.
MATCHER_P2(Ended, outcome, words, "") {
  *result_listener << v1::Outcome_Name(arg.outcome()) << ": " << arg.message();
  return arg.outcome() == outcome &&
         arg.message().find(words) != std::string::npos;
}

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_TESTING_SERVICE_TEST_UTIL_H_
