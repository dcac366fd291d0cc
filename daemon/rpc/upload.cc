// SPDX-License-Identifier: Apache-2.0
#include "daemon/rpc/upload.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/wire/convert.h"
#include "lib/util/status_macros.h"
#include "lib/wire/outcome.h"

namespace btfd::daemon {

namespace {

// How long to wait for another client's upload of the same base. This is short,
// because the other client may have stalled.
constexpr absl::Duration kUploadWait = absl::Seconds(3);
// The memory that is taken at once, whatever size was announced. After that it
// doubles.
constexpr uint64_t kFirstReservation = uint64_t{8} << 20;
constexpr size_t kMaxOrigin = 4096;
// The least pace of a client, in bytes a second. A slow network reaches it.
constexpr double kBytesPerSecond = 100e3;

}  // namespace

absl::Status Uploads::Receive(const Reader& read,
                              const util::CallDeadline& call_deadline,
                              v1::AddBaseResponse* response,
                              engine::FailedIn* failed_in) {
  ASSIGN_OR_RETURN(const Announced announced, ReadHeader(read));

  // At the start of a build many clients lack the same base in the daemon. One
  // sends it; the others wait for that and send nothing.
  WaitForOtherUpload(announced.digest, call_deadline);
  const absl::Cleanup end = [&] { EndTurn(announced.digest); };
  const auto known = bases_->Acquire(announced.digest);
  if (known.ok()) {
    response->set_already_known(true);
    Welcome(*known, announced, response);
    return absl::OkStatus();
  }

  ASSIGN_OR_RETURN(AdmissionControl::Ticket ticket,
                   admission_->Enter(0, call_deadline));
  ASSIGN_OR_RETURN(std::string raw,
                   ReadChunks(read, announced, call_deadline, &ticket));
  *failed_in = engine::FailedIn::kBase;
  ASSIGN_OR_RETURN(
      const BaseRegistry::Handle added,
      bases_->Add(announced.digest, std::move(raw), announced.origin));
  Welcome(added, announced, response);
  return absl::OkStatus();
}

absl::StatusOr<Uploads::Announced> Uploads::ReadHeader(
    const Reader& read) const {
  v1::AddBaseRequest part;
  const absl::Status status = read(&part);
  if (!status.ok() && !absl::IsOutOfRange(status)) return status;
  if (!status.ok() || !part.has_header()) {
    return absl::InvalidArgumentError("the first message must be a header");
  }
  const v1::AddBaseRequest::Header& header = part.header();
  Announced announced;
  ASSIGN_OR_RETURN(announced.digest, util::Digest::FromBinary(header.digest()));
  announced.size = header.size();
  if (announced.size > max_btf_bytes_) {
    return wire::OutcomeError(
        v1::TOO_LARGE,
        absl::StrCat("the base has ", announced.size, " bytes; at most ",
                     max_btf_bytes_, " are taken (max_btf_bytes)"));
  }
  if (header.has_file_key()) {
    ASSIGN_OR_RETURN(announced.file_key, FileKeyOf(header.file_key()));
  }
  if (header.origin().size() > kMaxOrigin) {
    return absl::InvalidArgumentError(
        absl::StrCat("origin has ", header.origin().size(),
                     " bytes; a path has at most ", kMaxOrigin));
  }
  announced.origin = header.origin();
  return announced;
}

absl::StatusOr<std::string> Uploads::ReadChunks(
    const Reader& read, const Announced& announced,
    const util::CallDeadline& call_deadline,
    AdmissionControl::Ticket* ticket) const {
  const absl::Time give_up =
      absl::Now() + pause_ + absl::Seconds(announced.size / kBytesPerSecond);
  std::string raw;
  raw.reserve(std::min(announced.size, kFirstReservation));
  util::DigestBuilder digest;
  v1::AddBaseRequest part;
  absl::Status status;
  while ((status = read(&part)).ok()) {
    if (part.part_case() != v1::AddBaseRequest::kChunk) {
      return absl::InvalidArgumentError(
          "all messages but the first must be chunks");
    }
    if (part.chunk().size() > announced.size - raw.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "more than the ", announced.size, " bytes that were announced"));
    }
    if (absl::Now() > give_up) {
      return wire::OutcomeError(
          v1::CANCELLED, absl::StrCat("only ", raw.size(), " of ",
                                      announced.size, " bytes came in time"));
    }
    RETURN_IF_ERROR(ticket->Grow(part.chunk().size(), call_deadline));
    digest.AddChunk(part.chunk());
    raw.append(part.chunk());
  }
  if (!absl::IsOutOfRange(status)) return status;
  if (call_deadline.IsCancelled()) {
    return wire::OutcomeError(v1::CANCELLED, "given up by the client");
  }
  if (raw.size() != announced.size) {
    return absl::InvalidArgumentError(absl::StrCat("ended after ", raw.size(),
                                                   " of ", announced.size,
                                                   " announced bytes"));
  }
  const util::Digest seen = digest.Finish();
  if (seen != announced.digest) {
    return absl::InvalidArgumentError(
        absl::StrCat("the bytes have the digest ", seen.hex(), ", not ",
                     announced.digest.hex(), " as announced"));
  }
  return raw;
}

void Uploads::WaitForOtherUpload(const util::Digest& digest,
                                 const util::CallDeadline& call_deadline) {
  const auto free = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !being_sent_.contains(digest);
  };
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(
      absl::Condition(&free),
      std::min(call_deadline.time, absl::Now() + kUploadWait));
  // If the wait was in vain, this client sends the base, too.
  being_sent_.insert(digest);
}

void Uploads::EndTurn(const util::Digest& digest) {
  absl::MutexLock lock(&mutex_);
  being_sent_.erase(digest);
}

void Uploads::Welcome(const BaseRegistry::Handle& base,
                      const Announced& announced,
                      v1::AddBaseResponse* response) {
  if (announced.file_key.has_value()) {
    // If the key is bound to another base, this upload still succeeds.
    file_keys_
        ->Bind(*announced.file_key, announced.digest,
               bases_->SampleOf(announced.digest))
        .IgnoreError();
  }
  response->set_digest(std::string(announced.digest.binary()));
  response->set_types(base.base().end_id() - 1);
}

}  // namespace btfd::daemon
