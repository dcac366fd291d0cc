// SPDX-License-Identifier: Apache-2.0
//
// Between the messages of proto/btfd.proto and the types of the libraries, with
// the check that a request makes sense in itself. Errors are InvalidArgument:
// the outcome BAD_REQUEST.
#ifndef BTFD_DAEMON_WIRE_CONVERT_H_
#define BTFD_DAEMON_WIRE_CONVERT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/engine/pipeline.h"
#include "lib/store/store.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// Missing and contradicting fields of a request.
absl::Status CheckRequest(const v1::FinalizeRequest& request);

// Precondition of both: CheckRequest found nothing.
engine::Steps StepsOf(const v1::Steps& steps);
engine::IdsSection IdsSectionOf(const v1::IdsSection& ids);

absl::StatusOr<store::FileKey> FileKeyOf(const v1::FileKey& key);

// Moves the output into the response.
void FillResponse(engine::FinalizeOutput output,
                  v1::FinalizeResponse* response);

// A text for a string of proto3, which is UTF-8; names of the input may be not.
std::string Readable(absl::string_view text);

// The BTF bytes of a request and of a response, as they are counted.
uint64_t BytesIn(const v1::FinalizeRequest& request);
uint64_t BytesOut(const v1::FinalizeResponse& response);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_WIRE_CONVERT_H_
