// SPDX-License-Identifier: Apache-2.0
//
// A daemon for the client's tests: it takes the same calls, does no work, and
// fails as it is told by the environment.
//
//   FAKE_BTFD_LOG   file that each call is noted in, a line each; FILE.starts
//                   has a line for each that got to listen
//   FAKE_BTFD_MODE  how it behaves:
//     fail-start    ends at once, with status 3
//     die           ends in the middle of each Finalize
//     die-once      the same, but only for the first one ever
//     die-third     ends in the middle of each third module of a stream
//     stop          stops itself (SIGSTOP) in the middle of a Finalize
//     stop-third    stops itself at the third module of a stream
//     drain-once    says DRAINING to the first one ever, and ends
//     busy-once     says BUSY to the first one ever
//     busy          says BUSY always
//     internal      says INTERNAL
//     bad-btf       says BAD_BTF
//     forget        never knows a base, whatever it was sent
//     other-engine  answers as an engine of another version
//     elsewhere     ends well when it is started, but nobody listens
//     slow          takes three seconds for each Finalize
//     complain      has a complaint about its settings
//
// It answers a module's BTF with "finalized:" in front, and a warning that it
// was there.
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "lib/util/runtime_paths.h"
#include "lib/util/version.h"
#include "proto/btfd_lite.grpc.pb.h"

namespace btfd {
namespace {

std::string Environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

class FakeService final : public v1::Btfd::Service {
 public:
  FakeService()
      : log_(Environment("FAKE_BTFD_LOG")),
        mode_(Environment("FAKE_BTFD_MODE")) {}

  const std::string& mode() const { return mode_; }

 private:
  using Context = grpc::ServerContext;

  void Note(const std::string& what) {
    std::ofstream(log_, std::ios::app) << what << "\n";
  }

  // True for the first daemon ever that asks.
  bool First() {
    const std::string mark = log_ + ".first";
    if (access(mark.c_str(), F_OK) == 0) return false;
    std::ofstream(mark) << "";
    return true;
  }

  bool KnowsBase(const v1::FinalizeRequest& request,
                 v1::FinalizeResponse* response) {
    const v1::BaseRef& base = request.base();
    if (!request.has_base()) return true;
    response->set_outcome(v1::BASE_UNKNOWN);
    if (!base.digest().empty()) {
      return digests_.count(base.digest()) > 0 && mode_ != "forget";
    }
    response->set_outcome(v1::BASE_KEY_UNKNOWN);
    return keys_.count(base.file_key().SerializeAsString()) > 0;
  }

  void Answer(const v1::FinalizeRequest& request,
              v1::FinalizeResponse* response) {
    response->set_tag(request.tag());
    response->set_engine_version(util::kEngineVersion);
    if (mode_ == "other-engine") response->set_engine_version(1000);
    if (mode_ == "complain") response->add_complaints("f:7: x = y: no number");
    if (!KnowsBase(request, response)) return;
    response->set_outcome(v1::OK);
    response->set_btf("finalized:" + request.btf());
    response->set_types_in(1);
    response->set_types_out(1);
    response->add_warnings("by the daemon");
  }

  grpc::Status Greet(Context*, const v1::GreetRequest*,
                     v1::GreetResponse* response) override {
    response->set_pid(getpid());
    return grpc::Status::OK;
  }

  grpc::Status Finalize(Context*, const v1::FinalizeRequest* request,
                        v1::FinalizeResponse* response) override {
    Note("Finalize");
    if (mode_ == "die" || (mode_ == "die-once" && First())) _exit(9);
    if (mode_ == "stop") raise(SIGSTOP);
    if (mode_ == "slow") std::this_thread::sleep_for(std::chrono::seconds(3));
    response->set_tag(request->tag());
    response->set_engine_version(util::kEngineVersion);
    if (mode_ == "drain-once" && First()) {
      response->set_outcome(v1::DRAINING);
      unlink(util::RuntimePathsOfProcess().socket.c_str());
      std::thread([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        _exit(0);
      }).detach();
    } else if (mode_ == "busy" || (mode_ == "busy-once" && First())) {
      response->set_outcome(v1::BUSY);
    } else if (mode_ == "internal") {
      response->set_outcome(v1::INTERNAL);
      response->set_message("an invariant does not hold");
    } else if (mode_ == "bad-btf") {
      response->set_outcome(v1::BAD_BTF);
      response->set_message(".BTF: type 7 at offset 24 is no type");
      response->add_warnings("WARN: before it failed");
    } else {
      Answer(*request, response);
    }
    return grpc::Status::OK;
  }

  grpc::Status FinalizeStream(
      Context*,
      grpc::ServerReaderWriter<v1::FinalizeResponse, v1::FinalizeRequest>* call)
      override {
    Note("FinalizeStream");
    v1::FinalizeRequest request;
    for (int count = 1; call->Read(&request); ++count) {
      if (mode_ == "die-third" && count == 3) _exit(9);
      if (mode_ == "stop-third" && count == 3) raise(SIGSTOP);
      v1::FinalizeResponse response;
      Answer(request, &response);
      if (!call->Write(response)) break;
    }
    return grpc::Status::OK;
  }

  grpc::Status AddBase(Context*, grpc::ServerReader<v1::AddBaseRequest>* reader,
                       v1::AddBaseResponse* response) override {
    v1::AddBaseRequest part;
    v1::AddBaseRequest::Header header;
    size_t bytes = 0;
    while (reader->Read(&part)) {
      if (part.has_header()) header = part.header();
      bytes += part.chunk().size();
    }
    Note("AddBase " + std::to_string(bytes));
    digests_.insert(header.digest());
    if (header.has_file_key()) {
      keys_.insert(header.file_key().SerializeAsString());
    }
    response->set_outcome(bytes == header.size() ? v1::OK : v1::BAD_REQUEST);
    return grpc::Status::OK;
  }

  grpc::Status BindFileKey(Context*, const v1::BindFileKeyRequest* request,
                           v1::BindFileKeyResponse* response) override {
    Note("BindFileKey");
    const bool known = digests_.count(request->digest()) > 0;
    if (known) keys_.insert(request->file_key().SerializeAsString());
    response->set_outcome(known ? v1::OK : v1::BASE_UNKNOWN);
    return grpc::Status::OK;
  }

  const std::string log_;
  const std::string mode_;
  std::set<std::string> digests_, keys_;
};

int Listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unlink(path.c_str());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
          0 ||
      listen(fd, 64) != 0) {
    _exit(4);
  }
  return fd;
}

int Main() {
  FakeService service;
  if (service.mode() == "fail-start") return 3;
  if (service.mode() == "elsewhere") return 0;
  const int listener = Listen(util::RuntimePathsOfProcess().socket);
  // The starter ends when we can be reached.
  std::ofstream(Environment("FAKE_BTFD_LOG") + ".starts", std::ios::app)
      << "start\n";
  if (fork() != 0) _exit(0);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  // If a test does not stop this process, it ends by itself.
  alarm(60);
  while (true) {
    const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (accepted >= 0) grpc::AddInsecureChannelFromFd(server.get(), accepted);
  }
}

}  // namespace
}  // namespace btfd

int main() { return btfd::Main(); }
