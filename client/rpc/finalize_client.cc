// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/finalize_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/daemon_process.h"
#include "lib/util/status_macros.h"
#include "lib/util/version.h"

namespace btfd::client {

namespace {

// A base takes at most two more answers (its key is unknown, then its digest),
// and one more for each if the daemon forgets it meanwhile.
constexpr int kBaseAnswers = 4;
// A process that is being killed may still accept connections for a moment.
constexpr absl::Duration kReconnectPause = absl::Milliseconds(20);
constexpr int kBusyTries = 5;
constexpr absl::Duration kFirstBusyWait = absl::Milliseconds(50);

// Answers BASE_KEY_UNKNOWN: sends the digest, for this request and, if the
// daemon has that base, for all later ones.
absl::Status TellDigest(DirectConnection* daemon, const BaseFile& base,
                        const util::Digest& digest) {
  if (!base.key().has_value()) return absl::OkStatus();
  v1::BindFileKeyRequest request;
  *request.mutable_file_key() = *base.key();
  request.set_digest(std::string(digest.binary()));
  v1::BindFileKeyResponse response;
  return Call(daemon, kBindFileKey, request, &response);
}

}  // namespace

const char* FallbackCounter(Fallback reason) {
  switch (reason) {
    case Fallback::kNoDaemon:
      return "fallback_no_daemon";
    case Fallback::kTimeout:
      return "fallback_timeout";
    case Fallback::kVersion:
      return "fallback_version";
    case Fallback::kBusy:
      return "fallback_busy";
    case Fallback::kLost:
      return "fallback_lost";
    case Fallback::kInternal:
      break;
  }
  return "fallback_internal";
}

ClassifiedCall ClassifyCall(const absl::Status& transport,
                            const v1::FinalizeResponse& response,
                            bool is_private) {
  switch (transport.code()) {
    case absl::StatusCode::kOk:
      break;
    case absl::StatusCode::kDeadlineExceeded:
      return {NextStep::kFallBack, Fallback::kTimeout,
              std::string(transport.message())};
    case absl::StatusCode::kUnimplemented:
      return {NextStep::kFallBack, Fallback::kVersion,
              "the daemon speaks another protocol"};
    case absl::StatusCode::kResourceExhausted:
      return {NextStep::kWait, Fallback::kBusy,
              std::string(transport.message())};
    default:
      return {NextStep::kReconnect, Fallback::kLost,
              absl::StrCat("the connection to the daemon broke: ",
                           transport.message())};
  }
  const std::string& message = response.message();
  switch (response.outcome()) {
    case v1::BUSY:
      return {NextStep::kWait, Fallback::kBusy, message};
    case v1::DRAINING:
      return {NextStep::kReconnect, Fallback::kBusy, message};
    case v1::INTERNAL:
    case v1::CANCELLED:
    case v1::OUTCOME_UNSPECIFIED:
      return {NextStep::kFallBack, Fallback::kInternal, message};
    case v1::BASE_KEY_UNKNOWN:
    case v1::BASE_UNKNOWN:
      return {NextStep::kFallBack, Fallback::kInternal,
              "the daemon does not keep the base that it was sent"};
    default:
      break;
  }
  // Only possible if the user named the socket; otherwise its name has the
  // version.
  if (!is_private && response.engine_version() != util::kEngineVersion) {
    return {NextStep::kFallBack, Fallback::kVersion,
            absl::StrCat("the daemon's engine is of version ",
                         response.engine_version(), ", not ",
                         util::kEngineVersion)};
  }
  return {};
}

absl::Status SendOverBase(DirectConnection* daemon, BaseFile* base,
                          v1::FinalizeRequest* request,
                          v1::FinalizeResponse* response,
                          absl::Status* base_error,
                          const std::function<absl::Status()>& send) {
  if (base == nullptr) return send();
  for (int answers = 0;; ++answers) {
    *base_error = base->Fill(request->mutable_base());
    if (!base_error->ok()) return absl::OkStatus();
    RETURN_IF_ERROR(send());
    const v1::Outcome outcome = response->outcome();
    if ((outcome != v1::BASE_KEY_UNKNOWN && outcome != v1::BASE_UNKNOWN) ||
        answers == kBaseAnswers) {
      return absl::OkStatus();
    }
    const absl::StatusOr<util::Digest> digest = base->digest();
    *base_error = digest.status();
    if (!digest.ok()) return absl::OkStatus();
    if (outcome == v1::BASE_KEY_UNKNOWN) {
      RETURN_IF_ERROR(TellDigest(daemon, *base, *digest));
      continue;
    }
    *base_error = base->bytes().status();
    if (!base_error->ok()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const v1::AddBaseResponse added, AddBase(daemon, base));
    if (added.outcome() == v1::OK) continue;
    // The caller handles it as any other answer: busy, draining, a bad base.
    response->set_outcome(added.outcome());
    response->set_message(absl::StrCat(base->path(), ": ", added.message()));
    return absl::OkStatus();
  }
}

FinalizeClient::FinalizeClient(Environment environment,
                               util::RuntimePaths paths, Notice notice)
    : environment_(std::move(environment)),
      paths_(std::move(paths)),
      notice_(std::move(notice)),
      mark_(paths_.backoff) {}

absl::StatusOr<DirectConnection*> FinalizeClient::Use() {
  if (daemon_ != nullptr) return daemon_.get();
  if (environment_.disable_daemon) return UsePrivate();
  if (!environment_.require_daemon && mark_.Active()) {
    return FallBack(Fallback::kNoDaemon, "");
  }
  return UseShared();
}

absl::StatusOr<DirectConnection*> FinalizeClient::UseShared() {
  daemon_.reset();
  absl::StatusOr<util::UniqueFd> socket =
      ConnectOrStart(paths_, environment_.daemon_program);
  if (!socket.ok()) {
    return FallBack(absl::IsDeadlineExceeded(socket.status())
                        ? Fallback::kTimeout
                        : Fallback::kNoDaemon,
                    std::string(socket.status().message()));
  }
  daemon_ = std::make_unique<DirectConnection>(std::move(*socket));
  return daemon_.get();
}

absl::StatusOr<DirectConnection*> FinalizeClient::UsePrivate() {
  daemon_.reset();
  ASSIGN_OR_RETURN(const std::string program,
                   FindDaemon(environment_.daemon_program));
  ASSIGN_OR_RETURN(PrivateDaemon spawned, SpawnPrivateDaemon(program, paths_));
  daemon_ = std::make_unique<DirectConnection>(std::move(spawned.calls));
  stream_ = std::move(spawned.stream);
  is_private_ = true;
  return daemon_.get();
}

absl::StatusOr<util::UniqueFd> FinalizeClient::UseStream() {
  RETURN_IF_ERROR(Use().status());
  if (!is_private_) {
    daemon_.reset();  // else the daemon counts it, and waits for it
    return ConnectSocket(paths_);
  }
  if (stream_) return std::move(stream_);
  return absl::UnavailableError("the private daemon has no more connections");
}

absl::StatusOr<DirectConnection*> FinalizeClient::FallBack(
    Fallback reason, const std::string& why) {
  if (environment_.require_daemon) {
    return absl::UnavailableError(
        absl::StrCat("no daemon, and BTFD_REQUIRE asks for one: ", why));
  }
  const bool lasting = reason == Fallback::kNoDaemon ||
                       reason == Fallback::kTimeout ||
                       reason == Fallback::kVersion;
  // An empty reason means that the mark was already set.
  if (lasting && !why.empty() && mark_.Set()) {
    notice_(absl::StrCat("btfc: ", why,
                         "; for a minute, work goes on without "
                         "the shared daemon, and is slower"));
  }
  ASSIGN_OR_RETURN(DirectConnection* const daemon, UsePrivate());
  v1::ReportEventsRequest request;
  (*request.mutable_events())[FallbackCounter(reason)] = 1;
  v1::ReportEventsResponse response;
  // An error in counting does not matter.
  Call(daemon, kReportEvents, request, &response).IgnoreError();
  return daemon;
}

absl::StatusOr<DirectConnection*> FinalizeClient::UseAfter(
    const ClassifiedCall& call) {
  if (is_private_) {
    // The next module may succeed with another daemon.
    daemon_.reset();
    is_private_ = false;
    return absl::UnavailableError(
        absl::StrCat("the private daemon failed as well: ", call.why));
  }
  if (call.next_step == NextStep::kWait && waits_ < kBusyTries) {
    absl::SleepFor(kFirstBusyWait * (1 << waits_++));
    return Use();
  }
  if (call.next_step == NextStep::kReconnect && !reconnected_) {
    reconnected_ = true;
    daemon_.reset();
    absl::SleepFor(kReconnectPause);
    return UseShared();
  }
  return FallBack(call.reason, call.why);
}

void FinalizeClient::Failed(const absl::Status& transport) {
  reconnected_ = false;
  waits_ = 0;
  const ClassifiedCall call =
      ClassifyCall(transport, v1::FinalizeResponse(), is_private_);
  // If there is no daemon to use, the next Use() reports that.
  if (!UseAfter(call).ok()) daemon_.reset();
}

// Prints the complaints, but not for each module of a build.
void FinalizeClient::Tell(const v1::FinalizeResponse& response) {
  if (response.complaints().empty()) return;
  if (!BackoffMark(paths_.told).Set()) return;
  for (const std::string& complaint : response.complaints()) {
    notice_(absl::StrCat("btfc: the daemon's settings: ", complaint));
  }
}

absl::StatusOr<v1::FinalizeResponse> FinalizeClient::Finalize(
    v1::FinalizeRequest* request, BaseFile* base) {
  request->set_bypass_cache(environment_.bypass_result_cache);
  reconnected_ = false;
  waits_ = 0;
  absl::StatusOr<DirectConnection*> daemon = Use();
  while (daemon.ok()) {
    v1::FinalizeResponse response;
    absl::Status base_error;
    const absl::Status transport = SendOverBase(
        *daemon, base, request, &response, &base_error,
        [&] { return Call(*daemon, kFinalize, *request, &response); });
    RETURN_IF_ERROR(base_error);
    const ClassifiedCall call = ClassifyCall(transport, response, is_private_);
    if (call.next_step == NextStep::kAnswered) {
      Tell(response);
      return response;
    }
    daemon = UseAfter(call);
  }
  return daemon.status();
}

}  // namespace btfd::client
