// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/finalize_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/rpc/daemon_calls.h"
#include "lib/util/event_file.h"
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
                            const v1::FinalizeResponse& response) {
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
  if (response.engine_version() != util::kEngineVersion) {
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
      mark_(BackoffMark::OfFailure(paths_)) {
  if (environment_.complaints.empty() ||
      !BackoffMark::OfOwnComplaints(paths_).Set()) {
    return;
  }
  for (const std::string& complaint : environment_.complaints) {
    notice_(absl::StrCat("btfc: ", complaint));
  }
}

absl::Status FinalizeClient::Use() {
  if (daemon_ != nullptr || local_ != nullptr) return absl::OkStatus();
  if (environment_.disable_daemon) {
    local_ = std::make_unique<LocalEngine>();
    return absl::OkStatus();
  }
  if (!environment_.require_daemon && mark_.Active()) {
    return FallBack(Fallback::kNoDaemon, "");
  }
  return UseShared();
}

absl::Status FinalizeClient::UseShared() {
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
  return absl::OkStatus();
}

absl::StatusOr<util::UniqueFd> FinalizeClient::UseStream() {
  daemon_.reset();  // the daemon would count it, and wait for its end
  return ConnectSocket(paths_);
}

absl::Status FinalizeClient::FallBack(Fallback reason, const std::string& why) {
  daemon_.reset();
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
  local_ = std::make_unique<LocalEngine>();
  // An error in counting does not matter.
  if (paths_.shared_directory ||
      util::EnsurePrivateDirectory(paths_.directory).ok()) {
    util::AddEvent(paths_.fallbacks, FallbackCounter(reason)).IgnoreError();
  }
  return absl::OkStatus();
}

absl::Status FinalizeClient::UseAfter(const ClassifiedCall& call) {
  if (call.next_step == NextStep::kWait && waits_ < kBusyTries) {
    absl::SleepFor(kFirstBusyWait * (1 << waits_++));
    return Use();
  }
  if (call.next_step == NextStep::kReconnect && !reconnected_) {
    reconnected_ = true;
    absl::SleepFor(kReconnectPause);
    return UseShared();
  }
  return FallBack(call.reason, call.why);
}

void FinalizeClient::Failed(const absl::Status& transport) {
  reconnected_ = false;
  waits_ = 0;
  // If there is no daemon to use, the next Use() reports that.
  UseAfter(ClassifyCall(transport, v1::FinalizeResponse())).IgnoreError();
}

// Prints the complaints, but not for each module of a build.
void FinalizeClient::Tell(const v1::FinalizeResponse& response) {
  if (response.complaints().empty()) return;
  if (!BackoffMark::OfComplaints(paths_).Set()) return;
  for (const std::string& complaint : response.complaints()) {
    notice_(absl::StrCat("btfc: the daemon's settings: ", complaint));
  }
}

absl::StatusOr<v1::FinalizeResponse> FinalizeClient::Finalize(
    v1::FinalizeRequest* request, BaseFile* base) {
  request->set_bypass_cache(environment_.bypass_result_cache);
  reconnected_ = false;
  waits_ = 0;
  RETURN_IF_ERROR(Use());
  while (local_ == nullptr) {
    v1::FinalizeResponse response;
    absl::Status base_error;
    const absl::Status transport = SendOverBase(
        daemon_.get(), base, request, &response, &base_error,
        [&] { return Call(daemon_.get(), kFinalize, *request, &response); });
    RETURN_IF_ERROR(base_error);
    const ClassifiedCall call = ClassifyCall(transport, response);
    if (call.next_step == NextStep::kAnswered) {
      Tell(response);
      return response;
    }
    RETURN_IF_ERROR(UseAfter(call));
  }
  return local_->Finalize(*request, base);
}

absl::StatusOr<v1::FinalizeResponse> FinalizeClient::FinalizeHere(
    const v1::FinalizeRequest& request) {
  return LocalEngine().Finalize(request, /*base=*/nullptr);
}

}  // namespace btfd::client
