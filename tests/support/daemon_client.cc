// SPDX-License-Identifier: Apache-2.0
#include "tests/support/daemon_client.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <utility>

#include "lib/util/digest.h"

namespace btfd::tests {

namespace {

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

void SetDeadline(grpc::ClientContext* context, absl::Duration limit) {
  if (limit == absl::InfiniteDuration()) return;
  context->set_deadline(absl::ToChronoTime(absl::Now() + limit));
}

class StreamCall : public DaemonClient::Stream {
 public:
  explicit StreamCall(v1::Btfd::Stub* stub)
      : call_(stub->FinalizeStream(&context_)) {}
  bool Write(const v1::FinalizeRequest& request) override {
    return call_->Write(request);
  }
  bool Read(v1::FinalizeResponse* response) override {
    return call_->Read(response);
  }
  void WritesDone() override { call_->WritesDone(); }
  void Cancel() override { context_.TryCancel(); }
  absl::Status Finish() override { return FromGrpc(call_->Finish()); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::FinalizeRequest, v1::FinalizeResponse>>
      call_;
};

class UploadCall : public DaemonClient::Upload {
 public:
  explicit UploadCall(v1::Btfd::Stub* stub)
      : call_(stub->AddBase(&context_, &response_)) {}
  bool Write(const v1::AddBaseRequest& part) override {
    return call_->Write(part);
  }
  absl::StatusOr<v1::AddBaseResponse> Finish() override {
    call_->WritesDone();
    const grpc::Status status = call_->Finish();
    if (!status.ok()) return FromGrpc(status);
    return response_;
  }

 private:
  grpc::ClientContext context_;
  v1::AddBaseResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::AddBaseRequest>> call_;
};

}  // namespace

struct DaemonClient::Impl {
  // Calls `method` of the stub, with a deadline.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::Btfd::Stub::*method)(grpc::ClientContext*,
                                             const Request&, Response*),
      const Request& request, absl::Duration limit = absl::Seconds(60)) {
    grpc::ClientContext context;
    SetDeadline(&context, limit);
    Response response;
    const grpc::Status status =
        (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Btfd::Stub> stub;
};

util::UniqueFd ConnectTo(const std::string& path) {
  util::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0) {
    fd.Reset();
  }
  return fd;
}

DaemonClient::DaemonClient(util::UniqueFd connection)
    : impl_(std::make_unique<Impl>()) {
  fcntl(connection.get(), F_SETFL, O_NONBLOCK);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  impl_->channel = grpc::CreateCustomInsecureChannelFromFd(
      "test", connection.Release(), arguments);
  impl_->stub = v1::Btfd::NewStub(impl_->channel);
}

DaemonClient::~DaemonClient() = default;

absl::StatusOr<int> DaemonClient::Greet() {
  const auto response = impl_->Call(&v1::Btfd::Stub::Greet, v1::GreetRequest());
  if (!response.ok()) return response.status();
  return static_cast<int>(response->pid());
}

absl::StatusOr<v1::FinalizeResponse> DaemonClient::Finalize(
    const v1::FinalizeRequest& request, absl::Duration limit) {
  return impl_->Call(&v1::Btfd::Stub::Finalize, request, limit);
}

absl::StatusOr<v1::GetStatusResponse> DaemonClient::Status() {
  return impl_->Call(&v1::Btfd::Stub::GetStatus, v1::GetStatusRequest());
}

absl::StatusOr<v1::BindFileKeyResponse> DaemonClient::BindFileKey(
    const v1::BindFileKeyRequest& request) {
  return impl_->Call(&v1::Btfd::Stub::BindFileKey, request);
}

absl::StatusOr<v1::RemoveBaseResponse> DaemonClient::RemoveBase(
    const std::string& digest) {
  v1::RemoveBaseRequest request;
  request.set_digest(digest);
  return impl_->Call(&v1::Btfd::Stub::RemoveBase, request);
}

std::unique_ptr<DaemonClient::Stream> DaemonClient::StartStream() {
  return std::make_unique<StreamCall>(impl_->stub.get());
}

std::unique_ptr<DaemonClient::Upload> DaemonClient::StartUpload() {
  return std::make_unique<UploadCall>(impl_->stub.get());
}

absl::StatusOr<v1::AddBaseResponse> DaemonClient::AddBase(
    const std::string& raw, size_t chunk) {
  const auto upload = StartUpload();
  upload->Write(HeaderFor(raw));
  v1::AddBaseRequest part;
  for (size_t at = 0; at < raw.size(); at += chunk) {
    part.set_chunk(raw.substr(at, chunk));
    if (!upload->Write(part)) break;
  }
  return upload->Finish();
}

absl::StatusOr<std::string> DaemonClient::Call(const std::string& method,
                                               const std::string& message,
                                               bool gzip) {
  grpc::GenericStub stub(impl_->channel);
  grpc::ClientContext context;
  SetDeadline(&context, absl::Seconds(60));
  if (gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(message);
  const grpc::ByteBuffer sent(&slice, 1);
  auto call = stub.PrepareUnaryCall(&context,
                                    method.find('/') == std::string::npos
                                        ? "/btfd.v1.Btfd/" + method
                                        : method,
                                    sent, &queue);
  call->StartCall();
  grpc::ByteBuffer received;
  grpc::Status status;
  call->Finish(&received, &status, nullptr);
  void* tag;
  bool ok;
  queue.Next(&tag, &ok);
  if (!status.ok()) return FromGrpc(status);
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (received.Valid()) received.Dump(&slices);
  for (const grpc::Slice& part : slices) bytes.append(part.begin(), part.end());
  return bytes;
}

v1::Btfd::Stub* DaemonClient::stub() { return impl_->stub.get(); }

std::shared_ptr<grpc::Channel> DaemonClient::channel() {
  return impl_->channel;
}

v1::AddBaseRequest HeaderFor(const std::string& raw) {
  v1::AddBaseRequest part;
  part.mutable_header()->set_digest(
      std::string(util::Digest::Of(raw).binary()));
  part.mutable_header()->set_size(raw.size());
  part.mutable_header()->set_origin("a test");
  return part;
}

}  // namespace btfd::tests
