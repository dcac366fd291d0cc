// SPDX-License-Identifier: Apache-2.0
//
// A call owns the objects with which gRPC works until the call has ended. Until
// then its context is in the list of live calls; the destructor cancels those.
// A context also keeps the channel alive, and the thread that releases a
// channel last waits for gRPC's own threads. If that happened on one of those
// threads, it would wait for itself. So no context may live longer than its
// call, and the destructor waits for all of them.
#include "daemon/remote_cache/reapi.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "daemon/tls/token_file.h"
#include "lib/util/status_macros.h"
#include "proto/bytestream.grpc.pb.h"
#include "proto/remote_execution.grpc.pb.h"

namespace btfd::daemon::remote {

namespace {

namespace bytestream = ::google::bytestream;

// The size of a ByteStream message. It is large enough that a blob needs few
// messages, and small enough that messages of other calls fit in between.
constexpr size_t kChunk = size_t{256} << 10;
// The flow-control window of a call: so many bytes may be under way before the
// receiver allows more. With the default (64 KB) a line with a long delay would
// be slow.
constexpr int kLookahead = 4 << 20;
constexpr int kKeepaliveMs = 60'000;
constexpr int kLongestReconnectMs = 2'000;

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

std::shared_ptr<grpc::Channel> OpenChannel(
    const tls::Endpoint& endpoint,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookahead);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnectMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  // The Breaker handles failures, so gRPC must not retry.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(endpoint.target, credentials, arguments);
}

}  // namespace

class Reapi::Impl {
 public:
  using Context = std::shared_ptr<grpc::ClientContext>;

  Impl(ReapiOptions options, std::shared_ptr<grpc::Channel> channel,
       store::Counters* counters)
      : counters_(counters),
        instance_(std::move(options.instance)),
        token_(options.token_file.empty()
                   ? nullptr
                   : std::make_unique<tls::TokenFile>(options.token_file)),
        capabilities_(reapi::Capabilities::NewStub(channel)),
        actions_(reapi::ActionCache::NewStub(channel)),
        cas_(reapi::ContentAddressableStorage::NewStub(channel)),
        bytes_(bytestream::ByteStream::NewStub(channel)) {}

  ~Impl() {
    Stop();
    const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return calls_ == 0;
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&ended));
  }

  void Stop() {
    std::vector<Context> to_cancel;
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      to_cancel.assign(live_.begin(), live_.end());
    }
    for (const Context& context : to_cancel) context->TryCancel();
  }

  const std::string& instance() const { return instance_; }
  reapi::Capabilities::Stub* capabilities() { return capabilities_.get(); }
  reapi::ActionCache::Stub* actions() { return actions_.get(); }
  reapi::ContentAddressableStorage::Stub* cas() { return cas_.get(); }
  bytestream::ByteStream::Stub* bytes() { return bytes_.get(); }

  // Prepares a context for a call. Cancelled if no call may be made any more;
  // Unauthenticated if the token cannot be read.
  absl::Status Begin(const Context& context, absl::Time deadline) {
    if (token_ != nullptr) {
      const absl::StatusOr<std::string> token = token_->Authorization();
      if (!token.ok()) {
        return absl::UnauthenticatedError(token.status().message());
      }
      context->AddMetadata("authorization", *token);
    }
    context->set_deadline(absl::ToChronoTime(deadline));
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("the daemon is stopping");
    live_.insert(context);
    ++calls_;
    return absl::OkStatus();
  }

  void End(Context context) {
    {
      absl::MutexLock lock(&mutex_);
      live_.erase(context);
    }
    context = nullptr;
    absl::MutexLock lock(&mutex_);
    --calls_;
  }

  // `start(context, request, response, ended)` begins the call.
  template <typename Request, typename Response, typename Start>
  void Unary(Request request, absl::Time deadline, Done<Response> done,
             Start start) {
    struct Call {
      Context context = std::make_shared<grpc::ClientContext>();
      Request request;
      Response response;
    };
    auto call = std::make_shared<Call>();
    call->request = std::move(request);
    call->request.set_instance_name(instance_);
    if (absl::Status status = Begin(call->context, deadline); !status.ok()) {
      done(status, {});
      return;
    }
    CountSent(call->request.ByteSizeLong());
    start(call->context.get(), &call->request, &call->response,
          [this, call, done = std::move(done)](const grpc::Status& status) {
            CountReceived(call->response.ByteSizeLong());
            done(ToAbsl(status), std::move(call->response));
            End(std::move(call->context));
          });
  }

  std::string NewUuid() {
    // The number distinguishes the uploads of this connection. The server needs
    // no more than that.
    const uint64_t number = ++uploads_;
    return absl::StrFormat("%08x-%04x-4%03x-8%03x-%012x",
                           uuid_seed_ & 0xffffffff, uuid_seed_ >> 32 & 0xffff,
                           uuid_seed_ >> 48 & 0xfff, uuid_seed_ >> 60,
                           number & 0xffffffffffff);
  }

  void CountSent(uint64_t bytes) {
    counters_->Add(store::Counter::kRemoteBytesSent, bytes);
  }
  void CountReceived(uint64_t bytes) {
    counters_->Add(store::Counter::kRemoteBytesReceived, bytes);
  }

 private:
  store::Counters* const counters_;
  const std::string instance_;
  const std::unique_ptr<tls::TokenFile> token_;
  const std::unique_ptr<reapi::Capabilities::Stub> capabilities_;
  const std::unique_ptr<reapi::ActionCache::Stub> actions_;
  const std::unique_ptr<reapi::ContentAddressableStorage::Stub> cas_;
  const std::unique_ptr<bytestream::ByteStream::Stub> bytes_;
  const uint64_t uuid_seed_ =
      static_cast<uint64_t>(absl::GetCurrentTimeNanos()) * 0x9e3779b97f4a7c15;
  std::atomic<uint64_t> uploads_{0};

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<Context> live_ ABSL_GUARDED_BY(mutex_);
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;  // whose contexts exist

 public:
  class Reader;
  class Writer;
};

// Deletes itself when its call has ended.
class Reapi::Impl::Reader final
    : public grpc::ClientReadReactor<bytestream::ReadResponse> {
 public:
  Reader(Impl* impl, std::string resource, Range range, Sink sink, Ended ended)
      : impl_(impl), sink_(std::move(sink)), ended_(std::move(ended)) {
    request_.set_resource_name(std::move(resource));
    request_.set_read_offset(static_cast<int64_t>(range.offset));
    request_.set_read_limit(static_cast<int64_t>(range.size));
  }

  void Start(absl::Time deadline) {
    if (absl::Status status = impl_->Begin(context_, deadline); !status.ok()) {
      ended_(status);
      delete this;
      return;
    }
    impl_->CountSent(request_.ByteSizeLong());
    impl_->bytes()->async()->Read(context_.get(), &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    impl_->CountReceived(response_.data().size());
    if (!sink_(response_.data())) {
      refused_ = true;
      context_->TryCancel();
      return;
    }
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    ended_(refused_ ? absl::DataLossError("more bytes than the blob has")
                    : ToAbsl(status));
    impl_->End(std::move(context_));
    delete this;
  }

 private:
  Impl* const impl_;
  const Sink sink_;
  const Ended ended_;
  Context context_ = std::make_shared<grpc::ClientContext>();
  bytestream::ReadRequest request_;
  bytestream::ReadResponse response_;
  bool refused_ = false;
};

// Deletes itself when its call has ended.
class Reapi::Impl::Writer final
    : public grpc::ClientWriteReactor<bytestream::WriteRequest> {
 public:
  Writer(Impl* impl, std::string resource, uint64_t plain_size,
         absl::string_view bytes, Ended ended)
      : impl_(impl),
        plain_size_(plain_size),
        bytes_(bytes),
        ended_(std::move(ended)) {
    request_.set_resource_name(std::move(resource));
  }

  void Start(absl::Time deadline) {
    if (absl::Status status = impl_->Begin(context_, deadline); !status.ok()) {
      ended_(status);
      delete this;
      return;
    }
    impl_->bytes()->async()->Write(context_.get(), &response_, this);
    WriteNext();
    StartCall();
  }

  void OnWriteDone(bool ok) override {
    // If the server already has the blob, it ends the call early with OK.
    if (ok && !request_.finish_write()) WriteNext();
  }

  void OnDone(const grpc::Status& status) override {
    absl::Status result = ToAbsl(status);
    const int64_t committed = response_.committed_size();
    if (result.ok() && committed != -1 &&
        committed != static_cast<int64_t>(bytes_.size()) &&
        committed != static_cast<int64_t>(plain_size_)) {
      result = absl::DataLossError(absl::StrCat(
          "the server took ", committed, " bytes of a blob of ", plain_size_));
    }
    ended_(result);
    impl_->End(std::move(context_));
    delete this;
  }

 private:
  void WriteNext() {
    const absl::string_view chunk = bytes_.substr(offset_, kChunk);
    if (offset_ > 0) request_.clear_resource_name();
    request_.set_write_offset(static_cast<int64_t>(offset_));
    request_.set_data(chunk.data(), chunk.size());
    offset_ += chunk.size();
    request_.set_finish_write(offset_ == bytes_.size());
    impl_->CountSent(request_.ByteSizeLong());
    if (request_.finish_write()) {
      StartWriteLast(&request_, grpc::WriteOptions());
    } else {
      StartWrite(&request_);
    }
  }

  Impl* const impl_;
  const uint64_t plain_size_;
  const absl::string_view bytes_;
  const Ended ended_;
  size_t offset_ = 0;
  Context context_ = std::make_shared<grpc::ClientContext>();
  bytestream::WriteRequest request_;
  bytestream::WriteResponse response_;
};

absl::StatusOr<std::unique_ptr<Reapi>> Reapi::Create(
    ReapiOptions options, store::Counters* counters) {
  std::shared_ptr<grpc::ChannelCredentials> credentials =
      grpc::InsecureChannelCredentials();
  if (options.endpoint.secure) {
    ASSIGN_OR_RETURN(credentials, tls::TlsChannelCredentials(options.files));
  }
  auto channel = OpenChannel(options.endpoint, credentials);
  return std::unique_ptr<Reapi>(
      new Reapi(std::make_unique<Impl>(std::move(options), channel, counters)));
}

Reapi::Reapi(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reapi::~Reapi() = default;
void Reapi::Stop() { impl_->Stop(); }

void Reapi::GetCapabilities(absl::Time deadline,
                            Done<reapi::ServerCapabilities> done) {
  impl_->Unary(
      reapi::GetCapabilitiesRequest(), deadline, std::move(done),
      [this](auto... call) {
        impl_->capabilities()->async()->GetCapabilities(std::move(call)...);
      });
}

void Reapi::GetActionResult(reapi::GetActionResultRequest request,
                            absl::Time deadline,
                            Done<reapi::ActionResult> done) {
  impl_->Unary(std::move(request), deadline, std::move(done),
               [this](auto... call) {
                 impl_->actions()->async()->GetActionResult(std::move(call)...);
               });
}

void Reapi::UpdateActionResult(reapi::UpdateActionResultRequest request,
                               absl::Time deadline,
                               Done<reapi::ActionResult> done) {
  impl_->Unary(
      std::move(request), deadline, std::move(done), [this](auto... call) {
        impl_->actions()->async()->UpdateActionResult(std::move(call)...);
      });
}

void Reapi::FindMissingBlobs(reapi::FindMissingBlobsRequest request,
                             absl::Time deadline,
                             Done<reapi::FindMissingBlobsResponse> done) {
  impl_->Unary(std::move(request), deadline, std::move(done),
               [this](auto... call) {
                 impl_->cas()->async()->FindMissingBlobs(std::move(call)...);
               });
}

void Reapi::BatchUpdateBlobs(reapi::BatchUpdateBlobsRequest request,
                             absl::Time deadline,
                             Done<reapi::BatchUpdateBlobsResponse> done) {
  impl_->Unary(std::move(request), deadline, std::move(done),
               [this](auto... call) {
                 impl_->cas()->async()->BatchUpdateBlobs(std::move(call)...);
               });
}

void Reapi::BatchReadBlobs(reapi::BatchReadBlobsRequest request,
                           absl::Time deadline,
                           Done<reapi::BatchReadBlobsResponse> done) {
  impl_->Unary(std::move(request), deadline, std::move(done),
               [this](auto... call) {
                 impl_->cas()->async()->BatchReadBlobs(std::move(call)...);
               });
}

void Reapi::Read(const BlobName& name, bool zstd, Range range,
                 absl::Time deadline, Sink sink, Ended ended) {
  (new Impl::Reader(impl_.get(), name.ResourceToRead(impl_->instance(), zstd),
                    range, std::move(sink), std::move(ended)))
      ->Start(deadline);
}

void Reapi::Write(const BlobName& name, bool zstd, absl::string_view bytes,
                  absl::Time deadline, Ended ended) {
  (new Impl::Writer(
       impl_.get(),
       name.ResourceToWrite(impl_->instance(), impl_->NewUuid(), zstd),
       name.size, bytes, std::move(ended)))
      ->Start(deadline);
}

}  // namespace btfd::daemon::remote
