// SPDX-License-Identifier: Apache-2.0
#include "tests/remote_cache/fake_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "daemon/remote_cache/compression.h"
#include "lib/util/digest.h"
#include "proto/bytestream.grpc.pb.h"
#include "proto/remote_execution.grpc.pb.h"
#include "tests/remote_cache/fake_storage.h"

namespace btfd::tests {

namespace {

namespace bytestream = ::google::bytestream;
using Context = grpc::ServerContext;

constexpr size_t kChunk = 100'000;  // not a round number, on purpose

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

}  // namespace

class FakeServer::Impl final : public reapi::Capabilities::Service,
                               public reapi::ActionCache::Service,
                               public reapi::ContentAddressableStorage::Service,
                               public bytestream::ByteStream::Service {
 public:
  explicit Impl(FakeServerOptions options) : options_(std::move(options)) {
    Start();
  }
  ~Impl() override { Stop(); }

  void Start() {
    std::shared_ptr<grpc::ServerCredentials> credentials =
        grpc::InsecureServerCredentials();
    if (!options_.certificate.empty()) {
      grpc::SslServerCredentialsOptions tls(
          options_.client_ca.empty()
              ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
              : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
      tls.pem_root_certs = options_.client_ca;
      tls.pem_key_cert_pairs.push_back({options_.key, options_.certificate});
      credentials = grpc::SslServerCredentials(tls);
    }
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", options_.port),
                             credentials, &options_.port);
    builder.RegisterService(static_cast<reapi::Capabilities::Service*>(this));
    builder.RegisterService(static_cast<reapi::ActionCache::Service*>(this));
    builder.RegisterService(
        static_cast<reapi::ContentAddressableStorage::Service*>(this));
    builder.RegisterService(
        static_cast<bytestream::ByteStream::Service*>(this));
    server_ = builder.BuildAndStart();
  }

  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_ = nullptr;
  }

  int port() const { return options_.port; }
  FakeStorage& storage() { return storage_; }

  void SetFaults(const Faults& faults) {
    absl::MutexLock lock(&mutex_);
    faults_ = faults;
  }
  int calls(const std::string& method) const {
    absl::MutexLock lock(&mutex_);
    const auto found = calls_.find(method);
    return found == calls_.end() ? 0 : found->second;
  }
  std::vector<std::string> violations() const {
    absl::MutexLock lock(&mutex_);
    return violations_;
  }

 private:
  // Every call begins with this: it is counted, delayed, refused, or let
  // through.
  grpc::Status Enter(Context* context, const std::string& method,
                     const std::string& instance) {
    const Faults faults = CountCall(method);
    const auto delay = faults.delays.find(method);
    const absl::Time answer_at =
        absl::Now() +
        (delay != faults.delays.end() ? delay->second : faults.delay);
    while (absl::Now() < answer_at && !context->IsCancelled()) {
      absl::SleepFor(std::min(answer_at - absl::Now(), absl::Milliseconds(20)));
    }
    const auto code = faults.codes.find(method);
    if (code != faults.codes.end()) {
      return grpc::Status(static_cast<grpc::StatusCode>(code->second),
                          "as ordered");
    }
    if (!options_.token.empty()) {
      const auto& metadata = context->client_metadata();
      const auto found = metadata.find("authorization");
      if (found == metadata.end() ||
          found->second != "Bearer " + options_.token) {
        return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "no token");
      }
    }
    if (instance != options_.instance) {
      return Violation(absl::StrCat(method, ": instance ", instance));
    }
    return grpc::Status::OK;
  }

  Faults CountCall(const std::string& method) {
    absl::MutexLock lock(&mutex_);
    ++calls_[method];
    return faults_;
  }

  grpc::Status Violation(const std::string& what) {
    absl::MutexLock lock(&mutex_);
    violations_.push_back(what);
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, what);
  }

  // An error that this server finds is noted as a violation.
  grpc::Status Checked(const std::string& method, const absl::Status& status) {
    if (status.ok()) return grpc::Status::OK;
    Violation(absl::StrCat(method, ": ", status.message()));
    return ToGrpc(status);
  }

  std::string Spoil(std::string bytes) {
    absl::MutexLock lock(&mutex_);
    if (faults_.wrong_bytes && !bytes.empty()) bytes[bytes.size() / 2] ^= 1;
    if (faults_.short_bytes && !bytes.empty()) bytes.pop_back();
    return bytes;
  }

  FakeStorage::Bytes FindBlob(const reapi::Digest& digest) {
    {
      absl::MutexLock lock(&mutex_);
      if (faults_.no_blobs) return nullptr;
    }
    return storage_.FindBlob(digest);
  }

  grpc::Status GetCapabilities(Context* context,
                               const reapi::GetCapabilitiesRequest* request,
                               reapi::ServerCapabilities* response) override {
    const grpc::Status entered =
        Enter(context, "GetCapabilities", request->instance_name());
    if (!entered.ok()) return entered;
    auto* cache = response->mutable_cache_capabilities();
    cache->add_digest_functions(reapi::DigestFunction::SHA256);
    cache->mutable_action_cache_update_capabilities()->set_update_enabled(
        options_.update_enabled);
    cache->set_max_batch_total_size_bytes(
        static_cast<int64_t>(options_.max_batch_bytes));
    if (options_.zstd) {
      cache->add_supported_compressors(reapi::Compressor::ZSTD);
      cache->add_supported_batch_update_compressors(reapi::Compressor::ZSTD);
    }
    return grpc::Status::OK;
  }

  grpc::Status GetActionResult(Context* context,
                               const reapi::GetActionResultRequest* request,
                               reapi::ActionResult* response) override {
    grpc::Status entered =
        Enter(context, "GetActionResult", request->instance_name());
    if (entered.ok()) {
      entered = Checked("GetActionResult",
                        FakeStorage::CheckDigest(request->action_digest()));
    }
    if (!entered.ok()) return entered;
    auto found = storage_.FindResult(request->action_digest());
    if (!found.has_value()) {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such result");
    }
    *response = *std::move(found);
    if (!options_.inline_outputs) return grpc::Status::OK;
    const auto& wanted = request->inline_output_files();
    for (reapi::OutputFile& file : *response->mutable_output_files()) {
      if (std::find(wanted.begin(), wanted.end(), file.path()) ==
          wanted.end()) {
        continue;
      }
      const FakeStorage::Bytes bytes = FindBlob(file.digest());
      if (bytes != nullptr && bytes->size() < options_.max_batch_bytes / 4) {
        file.set_contents(Spoil(*bytes));
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status UpdateActionResult(
      Context* context, const reapi::UpdateActionResultRequest* request,
      reapi::ActionResult* response) override {
    const grpc::Status entered =
        Enter(context, "UpdateActionResult", request->instance_name());
    if (!entered.ok()) return entered;
    if (!options_.update_enabled) {
      return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "read only");
    }
    *response = request->action_result();
    return Checked(
        "UpdateActionResult",
        storage_.PutResult(request->action_digest(), request->action_result(),
                           options_.require_inputs));
  }

  grpc::Status FindMissingBlobs(
      Context* context, const reapi::FindMissingBlobsRequest* request,
      reapi::FindMissingBlobsResponse* response) override {
    const grpc::Status entered =
        Enter(context, "FindMissingBlobs", request->instance_name());
    if (!entered.ok()) return entered;
    for (const reapi::Digest& digest : request->blob_digests()) {
      const grpc::Status checked =
          Checked("FindMissingBlobs", FakeStorage::CheckDigest(digest));
      if (!checked.ok()) return checked;
      if (storage_.FindBlob(digest) == nullptr) {
        *response->add_missing_blob_digests() = digest;
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status BatchUpdateBlobs(
      Context* context, const reapi::BatchUpdateBlobsRequest* request,
      reapi::BatchUpdateBlobsResponse* response) override {
    const grpc::Status entered =
        Enter(context, "BatchUpdateBlobs", request->instance_name());
    if (!entered.ok()) return entered;
    uint64_t total = 0;
    for (const auto& blob : request->requests()) {
      total += static_cast<uint64_t>(blob.digest().size_bytes());
    }
    if (total > options_.max_batch_bytes) {
      return Violation("BatchUpdateBlobs: more than a batch may have");
    }
    for (const auto& blob : request->requests()) {
      auto* answer = response->add_responses();
      *answer->mutable_digest() = blob.digest();
      std::string bytes = blob.data();
      absl::Status status;
      if (blob.compressor() != reapi::Compressor::IDENTITY) {
        status = Unpack(blob.digest(), &bytes);
      }
      if (status.ok()) status = storage_.PutBlob(blob.digest(), bytes);
      const grpc::Status checked = Checked("BatchUpdateBlobs", status);
      answer->mutable_status()->set_code(checked.error_code());
    }
    return grpc::Status::OK;
  }

  absl::Status Unpack(const reapi::Digest& digest, std::string* bytes) {
    if (!options_.zstd) {
      return absl::InvalidArgumentError("zstd, which was not offered");
    }
    std::string plain(static_cast<size_t>(digest.size_bytes()), '\0');
    const absl::Status status =
        daemon::remote::Decompress(*bytes, &plain[0], plain.size());
    *bytes = std::move(plain);
    return status;
  }

  grpc::Status BatchReadBlobs(
      Context* context, const reapi::BatchReadBlobsRequest* request,
      reapi::BatchReadBlobsResponse* response) override {
    const grpc::Status entered =
        Enter(context, "BatchReadBlobs", request->instance_name());
    if (!entered.ok()) return entered;
    uint64_t total = 0;
    for (const reapi::Digest& digest : request->digests()) {
      const grpc::Status checked =
          Checked("BatchReadBlobs", FakeStorage::CheckDigest(digest));
      if (!checked.ok()) return checked;
      total += static_cast<uint64_t>(digest.size_bytes());
    }
    if (total > options_.max_batch_bytes) {
      return Violation("BatchReadBlobs: more than a batch may have");
    }
    const auto& compressors = request->acceptable_compressors();
    const bool zstd = options_.zstd &&
                      std::find(compressors.begin(), compressors.end(),
                                reapi::Compressor::ZSTD) != compressors.end();
    for (const reapi::Digest& digest : request->digests()) {
      auto* answer = response->add_responses();
      *answer->mutable_digest() = digest;
      const FakeStorage::Bytes bytes = FindBlob(digest);
      if (bytes == nullptr) {
        answer->mutable_status()->set_code(grpc::StatusCode::NOT_FOUND);
        continue;
      }
      std::string data = Spoil(*bytes);
      if (zstd) {
        data = daemon::remote::Compress(data);
        answer->set_compressor(reapi::Compressor::ZSTD);
      }
      answer->set_data(std::move(data));
    }
    return grpc::Status::OK;
  }

  // The parts of a ByteStream resource name.
  struct Resource {
    reapi::Digest digest;
    std::string instance;
    bool zstd = false;
  };
  absl::StatusOr<Resource> Parse(const std::string& name, bool upload) const {
    const absl::Status malformed =
        absl::InvalidArgumentError(absl::StrCat("resource name ", name));
    std::vector<std::string> words = absl::StrSplit(name, '/');
    Resource resource;
    const size_t tail = upload ? 2 : 0;
    const auto blobs = std::find_if(words.begin(), words.end(), [](auto& w) {
      return w == "blobs" || w == "compressed-blobs";
    });
    if (blobs == words.end()) return malformed;
    const auto at = static_cast<size_t>(blobs - words.begin());
    if (at < tail) return malformed;
    if (upload && (words[at - 2] != "uploads" || words[at - 1].size() != 36)) {
      return malformed;
    }
    for (size_t i = 0; i < at - tail; ++i) {
      absl::StrAppend(&resource.instance, i > 0 ? "/" : "", words[i]);
    }
    size_t hash = at + 1;
    if (*blobs == "compressed-blobs") {
      if (hash >= words.size() || words[hash] != "zstd" || !options_.zstd) {
        return malformed;
      }
      resource.zstd = true;
      ++hash;
    }
    int64_t size;
    if (hash + 2 != words.size() || !absl::SimpleAtoi(words[hash + 1], &size)) {
      return malformed;
    }
    resource.digest.set_hash(words[hash]);
    resource.digest.set_size_bytes(size);
    const absl::Status digest = FakeStorage::CheckDigest(resource.digest);
    if (!digest.ok()) return digest;
    return resource;
  }

  grpc::Status Read(
      Context* context, const bytestream::ReadRequest* request,
      grpc::ServerWriter<bytestream::ReadResponse>* writer) override {
    const auto resource = Parse(request->resource_name(), /*upload=*/false);
    if (!resource.ok()) return Checked("Read", resource.status());
    const grpc::Status entered = Enter(context, "Read", resource->instance);
    if (!entered.ok()) return entered;
    const FakeStorage::Bytes blob = FindBlob(resource->digest);
    if (blob == nullptr) {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such blob");
    }
    const auto offset = static_cast<uint64_t>(request->read_offset());
    const auto limit = static_cast<uint64_t>(request->read_limit());
    if (offset > blob->size()) return Violation("Read: beyond the end");
    if (resource->zstd && limit > 0) return Violation("Read: limit and zstd");
    std::string bytes = Spoil(blob->substr(
        offset, limit == 0 ? std::string::npos : static_cast<size_t>(limit)));
    if (resource->zstd) bytes = daemon::remote::Compress(bytes);
    bytestream::ReadResponse response;
    do {
      for (size_t at = 0; at < bytes.size(); at += kChunk) {
        response.set_data(bytes.substr(at, kChunk));
        if (!writer->Write(response)) return grpc::Status::CANCELLED;
      }
    } while (CountCall("Read chunk").long_bytes);
    return grpc::Status::OK;
  }

  grpc::Status Write(Context* context,
                     grpc::ServerReader<bytestream::WriteRequest>* reader,
                     bytestream::WriteResponse* response) override {
    bytestream::WriteRequest part;
    std::optional<Resource> resource;
    std::string bytes;
    bool finished = false;
    while (reader->Read(&part)) {
      if (!resource.has_value()) {
        const auto parsed = Parse(part.resource_name(), /*upload=*/true);
        if (!parsed.ok()) return Checked("Write", parsed.status());
        const grpc::Status entered = Enter(context, "Write", parsed->instance);
        if (!entered.ok()) return entered;
        resource = *parsed;
      }
      if (finished ||
          static_cast<uint64_t>(part.write_offset()) != bytes.size()) {
        return Violation("Write: parts out of order");
      }
      bytes += part.data();
      finished = part.finish_write();
    }
    if (!finished || !resource.has_value()) {
      return Violation("Write: not finished");
    }
    response->set_committed_size(static_cast<int64_t>(bytes.size()));
    absl::Status status;
    if (resource->zstd) status = Unpack(resource->digest, &bytes);
    if (status.ok()) {
      status = storage_.PutBlob(resource->digest, std::move(bytes));
    }
    return Checked("Write", status);
  }

  FakeServerOptions options_;
  FakeStorage storage_;
  mutable absl::Mutex mutex_;
  Faults faults_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> calls_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> violations_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

FakeServer::FakeServer(FakeServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
FakeServer::~FakeServer() = default;

int FakeServer::port() const { return impl_->port(); }
std::string FakeServer::address() const {
  return absl::StrCat("127.0.0.1:", impl_->port());
}
void FakeServer::Stop() { impl_->Stop(); }
void FakeServer::Start() { impl_->Start(); }
void FakeServer::SetFaults(const Faults& faults) { impl_->SetFaults(faults); }
int FakeServer::calls(const std::string& method) const {
  return impl_->calls(method);
}
std::vector<std::string> FakeServer::violations() const {
  return impl_->violations();
}
size_t FakeServer::blobs() const { return impl_->storage().blobs(); }
size_t FakeServer::results() const { return impl_->storage().results(); }

namespace {
reapi::Digest DigestOf(const std::string& bytes) {
  reapi::Digest digest;
  digest.set_hash(util::Digest::Of(bytes).hex());
  digest.set_size_bytes(static_cast<int64_t>(bytes.size()));
  return digest;
}
}  // namespace

bool FakeServer::HasBlob(const std::string& bytes) const {
  return impl_->storage().FindBlob(DigestOf(bytes)) != nullptr;
}
void FakeServer::DropBlob(const std::string& bytes) {
  impl_->storage().DropBlob(bytes);
}

void FakeServer::EditResults(
    const std::function<void(reapi::ActionResult*, const Put&)>& edit) {
  std::vector<std::string> added;
  impl_->storage().ForEachResult(
      [&](const std::string&, reapi::ActionResult* result) {
        edit(result, [&](const std::string& bytes) {
          added.push_back(bytes);
          return DigestOf(bytes);
        });
      });
  for (const std::string& bytes : added) {
    impl_->storage().PutBlob(DigestOf(bytes), bytes).IgnoreError();
  }
}

std::vector<std::string> FakeServer::commands() const {
  return impl_->storage().Commands();
}

}  // namespace btfd::tests
