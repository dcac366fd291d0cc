// SPDX-License-Identifier: Apache-2.0
//
// A request goes to the next remote daemon that is not resting. There it goes
// first by digest, then whole, then with its base; each step only if the answer
// before asked for it. If that remote daemon fails, the request goes to the
// next one.
#include "daemon/forward/forwarder.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/forward/remote.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

using store::Counter;

// Smaller requests are sent at once, because their digests would not be much
// smaller.
constexpr uint64_t kAskAbove = 1 << 10;
constexpr size_t kChunk = size_t{1} << 20;
// Behind a load balancer, each call may reach another daemon that lacks the
// base.
constexpr int kBaseAnswers = 4;
// Time for each byte, in addition to the timeout: about 1 MB/s.
constexpr absl::Duration kPerByte = absl::Microseconds(1);

absl::Time Deadline(absl::Duration timeout, uint64_t bytes,
                    const util::CallDeadline& call_deadline) {
  const absl::Time now = absl::Now();
  const absl::Time ours = now + timeout + kPerByte * static_cast<double>(bytes);
  if (call_deadline.time == absl::InfiniteFuture()) return ours;
  return std::min(ours, now + (call_deadline.time - now) / 2);
}

}  // namespace

// The state of one request.
struct Forwarder::Attempt {
  const Job& job;
  const util::CallDeadline& call_deadline;
  const absl::Time deadline;
  v1::FinalizeResponse* const response;

  v1::FinalizeRequest request{};  // as it is forwarded; made when needed
  bool answered = false;
  bool lacks_base = false;  // the remote and this daemon lack it
  bool refused = false;     // another remote would refuse it, too
  bool call_failed = false;
  std::string why{};  // the last failure

  void Prepare(grpc::ClientContext* context) const {
    context->set_deadline(absl::ToChronoTime(deadline));
  }
  const v1::FinalizeRequest& Request() {
    if (request.forwarded()) return request;
    request = *job.request;
    request.set_forwarded(true);
    request.clear_tag();
    request.clear_trace();  // its clock is another one
    if (job.base != nullptr) {
      request.mutable_base()->clear_file_key();
      request.mutable_base()->set_digest(std::string(job.base->binary()));
    }
    return request;
  }
};

absl::StatusOr<std::unique_ptr<Forwarder>> Forwarder::Make(
    Settings settings, store::Counters* counters, util::Log* log) {
  ASSIGN_OR_RETURN(const auto endpoints, ParseServer(settings.server));
  std::shared_ptr<grpc::ChannelCredentials> credentials =
      grpc::InsecureChannelCredentials();
  if (endpoints[0].secure) {
    ASSIGN_OR_RETURN(credentials,
                     tls::TlsChannelCredentials(
                         {settings.ca, settings.certificate, settings.key}));
  }
  std::vector<std::unique_ptr<Remote>> remotes;
  for (const tls::Endpoint& endpoint : endpoints) {
    if (!endpoint.secure && !endpoint.loopback) {
      log->Warning(absl::StrCat("server ", endpoint.target,
                                ": modules go there in the clear"));
    }
    remotes.push_back(std::make_unique<Remote>(endpoint, credentials));
  }
  return std::unique_ptr<Forwarder>(
      new Forwarder(std::move(settings), std::move(remotes), counters, log));
}

Forwarder::Forwarder(Settings settings,
                     std::vector<std::unique_ptr<Remote>> remotes,
                     store::Counters* counters, util::Log* log)
    : settings_(std::move(settings)),
      remotes_(std::move(remotes)),
      counters_(counters),
      log_(log) {}

Forwarder::~Forwarder() = default;

bool Forwarder::ReadBase(v1::ReadBaseRequest request,
                         const util::CallDeadline& call_deadline,
                         v1::ReadBaseResponse* response) {
  request.set_forwarded(true);
  const absl::Time deadline = Deadline(settings_.timeout, 0, call_deadline);
  // Any of them may be the one that has it.
  for (const std::unique_ptr<Remote>& remote : remotes_) {
    if (remote->resting(absl::Now()) || call_deadline.IsCancelled()) continue;
    if (!remote->Connect(deadline)) continue;
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    v1::ReadBaseResponse answer;
    const grpc::Status status =
        remote->stub().ReadBase(&context, request, &answer);
    if (!status.ok() || answer.outcome() != v1::OK) continue;
    response->Swap(&answer);
    return true;
  }
  return false;
}

bool Forwarder::Finalize(const Job& job,
                         const util::CallDeadline& call_deadline,
                         v1::FinalizeResponse* response) {
  Attempt attempt{
      job, call_deadline,
      Deadline(settings_.timeout, job.request->btf().size(), call_deadline),
      response};
  bool asked = false;
  // One more than there are remotes, because a daemon that is stopping says so
  // once.
  for (size_t i = 0; i <= remotes_.size(); ++i) {
    Remote* const remote = Next(absl::Now());
    if (remote == nullptr) break;
    asked = true;
    response->Clear();
    if (Try(remote, &attempt)) return true;
    if (attempt.lacks_base || attempt.refused || call_deadline.IsCancelled() ||
        absl::Now() >= attempt.deadline) {
      break;
    }
  }
  response->Clear();
  if (attempt.lacks_base) return false;
  counters_->Add(asked ? Counter::kForwardFailures : Counter::kForwardSkipped);
  if (asked && log_->enabled(util::LogLevel::kDebug)) {
    log_->Debug(absl::StrCat("not handed on: ", attempt.why));
  }
  return false;
}

Remote* Forwarder::Next(absl::Time now) {
  for (size_t i = 0; i < remotes_.size(); ++i) {
    Remote* const remote =
        remotes_[turn_.fetch_add(1, std::memory_order_relaxed) %
                 remotes_.size()]
            .get();
    if (!remote->resting(now)) return remote;
  }
  return nullptr;
}

bool Forwarder::Try(Remote* remote, Attempt* attempt) {
  const auto step = [&] {
    if (!remote->Connect(attempt->deadline)) {
      attempt->why = "cannot connect";
      return false;
    }
    return AskByDigest(remote, attempt) || Send(remote, attempt);
  };
  attempt->call_failed = false;
  bool over = step();
  // The connection is still open. Behind a load balancer, perhaps only one of
  // many daemons died with the call, and the next call reaches another one.
  if (!over && attempt->call_failed && remote->connected() &&
      absl::Now() < attempt->deadline) {
    attempt->response->Clear();
    attempt->why.clear();
    over = step();
  }
  if (over && attempt->why.empty()) {
    if (remote->Worked()) {
      log_->Info(
          absl::StrCat("remote daemon ", remote->name(), " answers again"));
    }
    return attempt->answered;
  }
  // An error that another request would get, too.
  if (!over && remote->Failed(absl::Now())) {
    log_->Warning(absl::StrCat("remote daemon ", remote->name(), ": ",
                               attempt->why, "; work is done here meanwhile"));
  }
  return false;
}

// Looks at the result of a call. True if the attempt is over; `attempt` then
// says how. False if the remote is to be left alone.
bool Forwarder::Take(Remote* remote, Attempt* attempt) {
  v1::FinalizeResponse& response = *attempt->response;
  switch (response.outcome()) {
    case v1::OK:
      break;
    case v1::BUSY:
    case v1::DRAINING:
      attempt->why = absl::StrCat(remote->name(), ": ", response.message());
      return true;
    default:
      // If the input is defective, our own engine shall find and name the
      // defect.
      attempt->why = absl::StrCat(remote->name(), ": ",
                                  v1::Outcome_Name(response.outcome()), ": ",
                                  response.message());
      attempt->refused = true;
      return true;
  }
  if (response.engine_version() != settings_.engine_version) {
    attempt->why =
        absl::StrCat("its engine has version ", response.engine_version(),
                     ", ours ", settings_.engine_version);
    return false;
  }
  counters_->Add(Counter::kForwarded);
  if (response.cached()) counters_->Add(Counter::kForwardedHits);
  attempt->why.clear();
  attempt->answered = true;
  return true;
}

bool Forwarder::AskByDigest(Remote* remote, Attempt* attempt) {
  const Job& job = attempt->job;
  if (job.query == nullptr || !remote->finds_results) return false;
  const uint64_t whole = job.request->ByteSizeLong();
  if (whole < kAskAbove) return false;
  grpc::ClientContext context;
  attempt->Prepare(&context);
  const uint64_t bytes = job.query->ByteSizeLong();
  counters_->Add(Counter::kForwardBytesSent, bytes);
  const grpc::Status status =
      remote->stub().FindResult(&context, *job.query, attempt->response);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    remote->finds_results = false;
  }
  const bool found = status.ok() && attempt->response->outcome() == v1::OK &&
                     Take(remote, attempt);
  if (found) {
    counters_->Add(Counter::kForwardedByDigest);
    counters_->Add(Counter::kForwardBytesSaved, whole - std::min(whole, bytes));
    return true;
  }
  // Whatever the reason was, the whole request will get the same answer again.
  attempt->response->Clear();
  return false;
}

bool Forwarder::Send(Remote* remote, Attempt* attempt) {
  for (int i = 0; i < kBaseAnswers; ++i) {
    const util::Digest* const base = attempt->job.base;
    const uint64_t seen = base == nullptr ? 0 : base_uploads_.Done(*base);
    grpc::ClientContext context;
    attempt->Prepare(&context);
    const v1::FinalizeRequest& request = attempt->Request();
    counters_->Add(Counter::kForwardBytesSent, request.ByteSizeLong());
    const grpc::Status status =
        remote->stub().Finalize(&context, request, attempt->response);
    if (!status.ok()) {
      attempt->call_failed = true;
      attempt->why = status.error_message();
      // The request is larger than this remote accepts. The next one may be
      // smaller.
      attempt->refused =
          status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
      return attempt->refused;
    }
    if (attempt->response->outcome() != v1::BASE_UNKNOWN || base == nullptr) {
      return Take(remote, attempt);
    }
    if (!base_uploads_.Begin(*base, seen, attempt->deadline)) continue;
    const bool over = SendWithBase(remote, attempt);
    base_uploads_.End(*base, attempt->answered);
    return over;
  }
  attempt->why = "it does not keep the base that it was sent";
  return false;
}

// The first request is sent together with the base, so that the same daemon
// gets both.
bool Forwarder::SendWithBase(Remote* remote, Attempt* attempt) {
  const absl::StatusOr<util::Blob> raw = attempt->job.raw_base();
  if (!raw.ok()) {
    attempt->lacks_base = true;
    attempt->why = std::string(raw.status().message());
    return true;
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(
      Deadline(settings_.timeout, raw->size(), attempt->call_deadline)));
  v1::AddBaseResponse response;
  const auto writer = remote->stub().AddBase(&context, &response);
  v1::AddBaseRequest part;
  v1::AddBaseRequest::Header* const header = part.mutable_header();
  header->set_digest(std::string(attempt->job.base->binary()));
  header->set_size(raw->size());
  header->set_origin("another daemon");
  *header->mutable_finalize() = attempt->Request();
  uint64_t bytes = part.ByteSizeLong();
  bool open = writer->Write(part);
  for (size_t at = 0; open && at < raw->size(); at += kChunk) {
    part.set_chunk(raw->data() + at, std::min(kChunk, raw->size() - at));
    open = writer->Write(part);
    bytes += part.ByteSizeLong();
  }
  if (open) writer->WritesDone();
  const grpc::Status status = writer->Finish();
  counters_->Add(Counter::kForwardBytesSent, bytes);
  if (!status.ok()) {
    attempt->call_failed = true;
    attempt->why = status.error_message();
    return false;
  }
  if (response.outcome() == v1::OK && !response.already_known()) {
    counters_->Add(Counter::kForwardBasesSent);
  }
  if (response.has_finalized()) {
    attempt->response->Swap(response.mutable_finalized());
  } else {
    attempt->response->Clear();
    attempt->response->set_outcome(
        response.outcome() == v1::OK ? v1::BASE_UNKNOWN : response.outcome());
    attempt->response->set_message(response.message());
  }
  return Take(remote, attempt);
}

}  // namespace btfd::daemon
