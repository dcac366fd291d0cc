// SPDX-License-Identifier: Apache-2.0
#include "daemon/rpc/service.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "daemon/rpc/raw_handlers.h"
#include "daemon/rpc/stream.h"
#include "daemon/wire/convert.h"
#include "daemon/wire/message.h"
#include "lib/util/event_file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"
#include "lib/util/version.h"
#include "lib/wire/outcome.h"

namespace btfd::daemon {

namespace {

util::CallDeadline CallDeadlineOf(grpc::ServerContext* context) {
  return {absl::FromChrono(context->deadline()),
          [context] { return context->IsCancelled(); }};
}

// The most memory that a message of a small method may take.
constexpr uint64_t kSmallMessage = uint64_t{64} << 10;
// gRPC takes an answer of up to this size whole, and writes it together with
// the end of the call. A larger answer stays admitted until it is written.
constexpr uint64_t kWrittenAtOnce = uint64_t{32} << 10;
// The piece of a base that one call gives back.
constexpr uint64_t kBaseChunk = uint64_t{1} << 20;
// One stream may have this part of all bytes in flight: one eighth.
constexpr uint64_t kStreamsShare = 8;

int IndexOf(const char* method) {
  return v1::GreetRequest::descriptor()
      ->file()
      ->FindServiceByName("Btfd")
      ->FindMethodByName(method)
      ->index();
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

grpc::Status NoRequest() {
  return grpc::Status(grpc::StatusCode::CANCELLED,
                      "the call ended before its request");
}

absl::Status ForeignKey() {
  return absl::InvalidArgumentError(
      "a file key is of one machine; over the network a base is named by its "
      "digest");
}

// A forwarded request waits for a remote daemon. The workspaces bound what is
// computed here.
constexpr uint32_t kHandedOnAtOnce = 64;
uint32_t StreamedAtOnce(const Options& options) {
  return options.server.empty() ? options.threads
                                : std::max(options.threads, kHandedOnAtOnce);
}

constexpr uint32_t kAskedAtOnce = 64;

// The resident memory of this process in bytes; 0 if the kernel does not say
// it.
uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void FillBaseInfo(const BaseDescription& base, v1::BaseInfo* info) {
  info->set_digest(std::string(base.digest.binary()));
  info->set_origin(base.origin);
  info->set_types(base.types);
  info->set_raw_bytes(base.raw_bytes);
  info->set_resident_bytes(base.resident_bytes);
  info->set_dedup_ready(base.dedup_ready);
  info->set_requests(base.requests);
  info->set_last_used_unix(base.last_used_unix);
}

}  // namespace

Service::Service(Parts parts)
    : options_(parts.options),
      store_(parts.store),
      store_path_(std::move(parts.store_path)),
      counters_(parts.counters),
      log_(parts.log),
      forwarder_(parts.forwarder),
      shared_(parts.shared),
      on_shutdown_(std::move(parts.on_shutdown)),
      remote_clients_(options_.max_client_requests, options_.max_client_bytes,
                      counters_),
      admission_(options_.max_requests_in_flight, options_.max_bytes_in_flight),
      workspaces_(options_.threads),
      ledger_(counters_, store_),
      bases_(options_.max_resident_base_bytes, store_, counters_, log_,
             shared_),
      file_keys_(store_, log_),
      results_(options_.result_cache ? store_ : nullptr, log_),
      verifier_(options_.verify_hits, parts.finalize, &bases_, &results_,
                counters_, log_),
      uploads_(options_.max_btf_bytes, options_.stall_timeout, &admission_,
               &bases_, &file_keys_),
      finalizer_(options_.max_btf_bytes, std::move(parts.finalize), &admission_,
                 &workspaces_, &bases_, &file_keys_, &results_, &verifier_,
                 counters_, log_, forwarder_, shared_, &latencies_),
      stream_tasks_(StreamedAtOnce(options_)) {
  const auto* const service =
      v1::GreetRequest::descriptor()->file()->FindServiceByName("Btfd");
  for (int i = 0; i < service->method_count(); ++i) {
    calls_[service->method(i)->name()] = 0;
  }
  RegisterMethods();
}

void Service::CountCall(const char* method) {
  const auto found = calls_.find(method);
  if (found != calls_.end()) {
    found->second.fetch_add(1, std::memory_order_relaxed);
  }
}

MetricsSnapshot Service::ReadMetrics() {
  MetricsSnapshot snapshot;
  snapshot.version = util::kVersion;
  snapshot.engine_version = engine::kEngineVersion;
  snapshot.started = started_;
  snapshot.serving = !admission_.draining();
  snapshot.counters = counters_->Read();
  for (const auto& [method, count] : calls_) {
    snapshot.calls[method] = count.load(std::memory_order_relaxed);
  }
  for (const BaseDescription& base : bases_.List()) {
    snapshot.bases.push_back({base.digest.hex(), base.origin, base.types,
                              base.resident_bytes, base.requests});
  }
  snapshot.resident_bytes = ResidentBytes();
  if (store_ != nullptr) snapshot.store_bytes = store_->store_bytes();
  snapshot.requests_in_flight = admission_.in_flight();
  if (shared_ != nullptr) snapshot.breaker_open = shared_->paused();
  snapshot.wait = latencies_.wait.Read();
  snapshot.engine = latencies_.engine.Read();
  snapshot.total = latencies_.total.Read();
  return snapshot;
}

template <typename Request, typename Response>
void Service::RegisterSmall(const char* method,
                            grpc::Status (Service::*serve)(Context*,
                                                           const Request*,
                                                           Response*)) {
  const auto handle = [this, method, serve](Context* context,
                                            RawUnaryCall<Response>* call) {
    Bytes raw;
    if (!call->Read(&raw)) return NoRequest();
    CountCall(method);
    const auto pass = remote_clients_.Admit(*context, method, raw.Length());
    if (!pass.ok()) return ToGrpc(pass.status());
    Request request;
    const absl::Status parsed =
        ParseSmallMessage(&raw, kSmallMessage, &request);
    if (!parsed.ok()) return ToGrpc(parsed);
    Response response;
    const grpc::Status status = (this->*serve)(context, &request, &response);
    if (status.ok()) {
      call->Write(response, grpc::WriteOptions().set_last_message());
    }
    return status;
  };
  MarkMethodStreamed(IndexOf(method), NewRawUnaryHandler<Response>(handle));
}

void Service::RegisterMethods() {
  RegisterSmall("Greet", &Service::Greet);
  RegisterSmall("FindResult", &Service::FindResult);
  RegisterSmall("BindFileKey", &Service::BindFileKey);
  RegisterSmall("ReadBase", &Service::ReadBase);
  RegisterSmall("ListBases", &Service::ListBases);
  RegisterSmall("RemoveBase", &Service::RemoveBase);
  RegisterSmall("GetStatus", &Service::GetStatus);
  RegisterSmall("GetCacheStatus", &Service::GetCacheStatus);
  RegisterSmall("ClearCache", &Service::ClearCache);
  RegisterSmall("VerifyCache", &Service::VerifyCache);
  RegisterSmall("ReportEvents", &Service::ReportEvents);
  RegisterSmall("Shutdown", &Service::Shutdown);

  MarkMethodStreamed(
      IndexOf("Finalize"),
      NewRawUnaryHandler<v1::FinalizeResponse>(
          [this](Context* context, RawUnaryCall<v1::FinalizeResponse>* call) {
            return ServeFinalize(context, call);
          }));
  MarkMethodStreamed(
      IndexOf("FinalizeStream"),
      NewRawStreamHandler<v1::FinalizeResponse>(
          [this](Context* context, RawStreamCall<v1::FinalizeResponse>* call) {
            return ServeStream(context, call);
          }));
  MarkMethodStreamed(
      IndexOf("AddBase"),
      NewRawStreamHandler<v1::AddBaseResponse>(
          [this](Context* context, RawStreamCall<v1::AddBaseResponse>* call) {
            return ServeUpload(context, call);
          }));
}

void Service::CollectFallbacks() {
  // Where a client puts it that looks for us at that socket.
  const std::string path =
      absl::StrCat(absl::StripSuffix(options_.socket, ".sock"), ".fallbacks");
  const auto events = util::TakeEvents(path);
  if (!events.ok()) return;  // not ours
  for (const auto& [name, count] : *events) {
    // What a newer client counts and we do not know is its own business.
    const auto counter = store::FindCounter(name);
    if (counter.has_value() && absl::StartsWith(name, "fallback_")) {
      counters_->Add(*counter, count);
    }
  }
}

void Service::Tidy() {
  CollectFallbacks();
  history_.Note(absl::Now(), counters_->Read());
  bases_.Trim();
  ledger_.Flush();
}

// After a batch the allocator holds twice the memory that is in use, and after
// many calls of any kind too much. Each workspace keeps some megabytes. Giving
// all that back costs the next request a few page faults.
void Service::GiveBack() {
  workspaces_.GiveBack();
  malloc_trim(0);
}

void Service::Finish(absl::Duration limit) {
  CollectFallbacks();
  if (!bases_.FinishSaving(limit)) {
    log_->Warning("ending before all bases were written to the store");
  }
  if (shared_ != nullptr) {
    if (!shared_->Finish(limit)) {
      log_->Warning("ending before all results were given to the remote cache");
    }
    shared_->Stop();
  }
  ledger_.Flush();
}

template <typename Response>
void Service::Conclude(const absl::Status& status, engine::FailedIn failed_in,
                       Response* response) {
  const v1::Outcome outcome = wire::OutcomeOf(status, failed_in);
  response->set_outcome(outcome);
  if (status.ok()) return;
  response->set_message(std::string(status.message()));
  counters_->Add(store::OutcomeCounter(outcome));
}

grpc::Status Service::Greet(Context*, const v1::GreetRequest*,
                            v1::GreetResponse* response) {
  admission_.Touch();
  response->set_daemon_version(util::kVersion);
  response->set_protocol(util::kProtocolVersion);
  response->set_engine_version(engine::kEngineVersion);
  response->set_pid(getpid());
  return grpc::Status::OK;
}

grpc::Status Service::FindResult(Context* context,
                                 const v1::FindResultRequest* query,
                                 v1::FinalizeResponse* response) {
  admission_.Touch();
  finalizer_.Find(*query, CallDeadlineOf(context), response);
  return grpc::Status::OK;
}

grpc::Status Service::ServeFinalize(Context* context,
                                    RawUnaryCall<v1::FinalizeResponse>* call) {
  Bytes raw;
  if (!call->Read(&raw)) return NoRequest();
  CountCall("Finalize");
  v1::FinalizeRequest request;
  const auto size = MeasureMessage(&raw, request);
  if (!size.ok()) return ToGrpc(size.status());
  const auto pass = remote_clients_.Admit(*context, "Finalize", size->Cost());
  if (!pass.ok()) return ToGrpc(pass.status());
  const util::CallDeadline call_deadline = CallDeadlineOf(context);
  v1::FinalizeResponse response;
  const auto ticket = finalizer_.Admit(*size, call_deadline);
  if (ticket.ok()) {
    if (absl::Status parsed = ParseMessage(&raw, &request); !parsed.ok()) {
      return ToGrpc(parsed);
    }
    raw.Clear();
    // A request is forwarded once only. Otherwise daemons that name each other
    // would forward it for ever.
    if (pass->is_remote()) request.set_forwarded(true);
    if (pass->is_remote() && request.base().has_file_key()) {
      finalizer_.Refuse(*size, ForeignKey(), &response);
    } else {
      finalizer_.Run(request, call_deadline, &response);
    }
  } else {
    finalizer_.Refuse(*size, ticket.status(), &response);
  }
  if (!pass->is_remote()) Complain(&response);
  grpc::WriteOptions options;
  if (BytesOut(response) <= kWrittenAtOnce) options.set_last_message();
  call->Write(response, options);
  return grpc::Status::OK;
}

// A client asks for one module by itself before it streams. So the complaints
// are sent with the first answer.
template <typename Response>
void Service::Complain(Response* response) const {
  for (const std::string& complaint : options_.complaints) {
    response->add_complaints(wire::Readable(complaint));
  }
}

grpc::Status Service::ServeStream(
    Context* context,
    grpc::ServerReaderWriter<v1::FinalizeResponse, Bytes>* call) {
  CountCall("FinalizeStream");
  const auto pass = remote_clients_.Admit(*context, "FinalizeStream", 0);
  if (!pass.ok()) return ToGrpc(pass.status());
  FinalizeStream::Limits limits;
  // So many that reading and writing keep every core busy, and also the line to
  // the shared cache, for which no thread waits.
  limits.requests = 2 * StreamedAtOnce(options_) + 2 +
                    (shared_ == nullptr ? 0 : kAskedAtOnce);
  limits.bytes = std::max<uint64_t>(admission_.max_bytes() / kStreamsShare, 1);
  return ToGrpc(daemon::FinalizeStream(limits, &finalizer_, &stream_tasks_,
                                       CallDeadlineOf(context), call)
                    .Serve());
}

grpc::Status Service::ServeUpload(
    Context* context,
    grpc::ServerReaderWriter<v1::AddBaseResponse, Bytes>* call) {
  CountCall("AddBase");
  const auto pass = remote_clients_.Admit(*context, "AddBase", 0);
  if (!pass.ok()) return ToGrpc(pass.status());
  v1::FinalizeRequest along;
  bool has_along = false;
  const auto read = [&](v1::AddBaseRequest* part) -> absl::Status {
    Bytes raw;
    if (!call->Read(&raw)) return absl::OutOfRangeError("the upload's end");
    // A chunk is one field. A header may have a request with it.
    RETURN_IF_ERROR(ParseSmallMessage(
        &raw, raw.Length() + options_.max_btf_bytes + kSmallMessage, part));
    if (!part->has_header()) return absl::OkStatus();
    if (pass->is_remote() && part->header().has_file_key()) return ForeignKey();
    has_along = part->header().has_finalize();
    if (has_along) along.Swap(part->mutable_header()->mutable_finalize());
    return absl::OkStatus();
  };
  v1::AddBaseResponse response;
  engine::FailedIn failed_in = engine::FailedIn::kNone;
  const absl::Status status =
      uploads_.Receive(read, CallDeadlineOf(context), &response, &failed_in);
  Conclude(status, failed_in, &response);
  if (!status.ok()) {
    log_->Warning(absl::StrCat("base not taken: ", status.message()));
  } else if (has_along) {
    if (pass->is_remote()) along.set_forwarded(true);
    FinalizeAlong(along, CallDeadlineOf(context), response.mutable_finalized());
  }
  call->Write(response, grpc::WriteOptions().set_last_message());
  return grpc::Status::OK;
}

void Service::FinalizeAlong(const v1::FinalizeRequest& request,
                            const util::CallDeadline& call_deadline,
                            v1::FinalizeResponse* response) {
  MessageSize size;
  size.bytes = request.ByteSizeLong();
  size.tag = request.tag();
  const auto ticket = finalizer_.Admit(size, call_deadline);
  if (ticket.ok()) {
    finalizer_.Run(request, call_deadline, response);
  } else {
    finalizer_.Refuse(size, ticket.status(), response);
  }
}

grpc::Status Service::BindFileKey(Context*,
                                  const v1::BindFileKeyRequest* request,
                                  v1::BindFileKeyResponse* response) {
  const auto bind = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto key, FileKeyOf(request->file_key()));
    ASSIGN_OR_RETURN(const util::Digest digest,
                     util::Digest::FromBinary(request->digest()));
    const auto base = bases_.Acquire(digest);
    // If other daemons do the work, or have its results, the base may never be
    // needed here.
    if (absl::IsNotFound(base.status()) && forwarder_ == nullptr &&
        (shared_ == nullptr || !shared_->HasBase(digest))) {
      return wire::OutcomeError(v1::BASE_UNKNOWN, base.status().message());
    }
    if (!absl::IsNotFound(base.status())) RETURN_IF_ERROR(base.status());
    return file_keys_.Bind(key, digest, bases_.SampleOf(digest));
  };
  admission_.Touch();
  Conclude(bind(), engine::FailedIn::kNone, response);
  return grpc::Status::OK;
}

grpc::Status Service::ReadBase(Context* context,
                               const v1::ReadBaseRequest* request,
                               v1::ReadBaseResponse* response) {
  const auto read = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const util::Digest digest,
                     util::Digest::FromBinary(request->digest()));
    absl::StatusOr<util::Blob> raw = bases_.Raw(digest);
    // From the shared cache it comes into the store.
    if (absl::IsNotFound(raw.status()) && bases_.Fetch(digest).ok()) {
      raw = bases_.Raw(digest);
    }
    if (!raw.ok()) {
      return wire::OutcomeError(
          v1::BASE_UNKNOWN,
          absl::StrCat("no base ", ShortName(digest), " is held here"));
    }
    const absl::string_view bytes = raw->view();
    if (request->offset() > bytes.size()) {
      return wire::OutcomeError(
          v1::BAD_REQUEST,
          absl::StrCat("offset ", request->offset(), " is beyond the base's ",
                       bytes.size(), " bytes"));
    }
    const absl::string_view chunk = bytes.substr(request->offset(), kBaseChunk);
    response->set_size(bytes.size());
    response->set_chunk(chunk.data(), chunk.size());
    return absl::OkStatus();
  };
  admission_.Touch();
  Conclude(read(), engine::FailedIn::kNone, response);
  if (response->outcome() == v1::BASE_UNKNOWN && forwarder_ != nullptr &&
      !request->forwarded()) {
    forwarder_->ReadBase(*request, CallDeadlineOf(context), response);
  }
  return grpc::Status::OK;
}

grpc::Status Service::ListBases(Context*, const v1::ListBasesRequest*,
                                v1::ListBasesResponse* response) {
  for (const BaseDescription& base : bases_.List()) {
    FillBaseInfo(base, response->add_bases());
  }
  return grpc::Status::OK;
}

grpc::Status Service::RemoveBase(Context*, const v1::RemoveBaseRequest* request,
                                 v1::RemoveBaseResponse* response) {
  const auto remove = [&]() -> absl::Status {
    if (request->digest().empty() ||
        request->digest().size() > util::Digest::kSize) {
      return absl::InvalidArgumentError("a digest has 1 to 32 bytes");
    }
    const absl::Status status = bases_.Remove(request->digest());
    if (!absl::IsNotFound(status)) return status;
    return wire::OutcomeError(
        v1::BASE_UNKNOWN,
        absl::StrCat("no base with digest ",
                     absl::BytesToHexString(request->digest())));
  };
  Conclude(remove(), engine::FailedIn::kNone, response);
  return grpc::Status::OK;
}

grpc::Status Service::GetStatus(Context*, const v1::GetStatusRequest*,
                                v1::GetStatusResponse* response) {
  CollectFallbacks();
  response->set_version(util::kVersion);
  response->set_protocol(util::kProtocolVersion);
  response->set_engine_version(engine::kEngineVersion);
  response->set_pid(getpid());
  response->set_uptime_seconds(absl::ToInt64Seconds(absl::Now() - started_));
  response->set_socket(options_.socket);
  response->set_server(options_.server);
  response->set_listen(options_.listen);
  response->set_store(store_path_);
  for (const BaseDescription& base : bases_.List()) {
    FillBaseInfo(base, response->add_bases());
  }
  for (const auto& [name, count] : ledger_.SinceStart()) {
    (*response->mutable_counters())[name] = count;
  }
  for (const auto& [name, count] : ledger_.Lifetime()) {
    (*response->mutable_lifetime_counters())[name] = count;
  }
  response->set_resident_bytes(ResidentBytes());
  if (store_ != nullptr) response->set_store_bytes(store_->store_bytes());
  response->set_requests_in_flight(admission_.in_flight());
  Complain(response);
  return grpc::Status::OK;
}

grpc::Status Service::GetCacheStatus(Context*, const v1::GetCacheStatusRequest*,
                                     v1::GetCacheStatusResponse* response) {
  response->set_enabled(results_.enabled());
  response->set_max_bytes(options_.max_result_bytes);
  response->set_verify_hits(options_.verify_hits);
  if (store_ == nullptr) {
    Conclude(absl::OkStatus(), engine::FailedIn::kNone, response);
    return grpc::Status::OK;
  }
  store_->Flush().IgnoreError();  // results that were only just kept count, too
  const auto statistics = store_->GetResultStatistics();
  Conclude(statistics.status(), engine::FailedIn::kNone, response);
  if (statistics.ok()) {
    response->set_results(statistics->results);
    response->set_bytes(statistics->bytes);
    response->set_with_requests(statistics->with_requests);
  }
  return grpc::Status::OK;
}

grpc::Status Service::ClearCache(Context*, const v1::ClearCacheRequest*,
                                 v1::ClearCacheResponse* response) {
  absl::Status status;
  if (store_ != nullptr) {
    const auto statistics = store_->GetResultStatistics();
    if (statistics.ok()) response->set_results(statistics->results);
    status = store_->ClearResults();
  }
  Conclude(status, engine::FailedIn::kNone, response);
  log_->Info(absl::StrCat(
      "a client cleared the result cache: ", response->results(), " results"));
  return grpc::Status::OK;
}

grpc::Status Service::VerifyCache(Context* context,
                                  const v1::VerifyCacheRequest* request,
                                  v1::VerifyCacheResponse* response) {
  // Counts as in flight, so that the daemon does not end meanwhile. If it is
  // already stopping, this is refused.
  const auto ticket = admission_.Enter(0, CallDeadlineOf(context));
  absl::Status status = ticket.status();
  if (status.ok()) status = verifier_.Verify(*request, response);
  Conclude(status, engine::FailedIn::kNone, response);
  return grpc::Status::OK;
}

grpc::Status Service::ReportEvents(Context*,
                                   const v1::ReportEventsRequest* request,
                                   v1::ReportEventsResponse*) {
  for (const auto& [name, count] : request->events()) {
    // A newer client may send counters that we do not know; they are ignored.
    const auto counter = store::FindCounter(name);
    if (counter.has_value()) counters_->Add(*counter, count);
  }
  return grpc::Status::OK;
}

grpc::Status Service::Shutdown(Context*, const v1::ShutdownRequest*,
                               v1::ShutdownResponse* response) {
  log_->Info("a client asked to stop");
  response->set_pid(getpid());
  // Begins here, so that a client that has this answer finds the daemon
  // draining.
  admission_.StartDrain();
  if (on_shutdown_) on_shutdown_();
  return grpc::Status::OK;
}

}  // namespace btfd::daemon
