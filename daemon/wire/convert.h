// SPDX-License-Identifier: Apache-2.0
//
// Converts between the messages of proto/btfd.proto and the libraries' types,
// and checks that a request has no missing or contradicting fields. Errors are
// InvalidArgument, which becomes BAD_REQUEST.
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

// InvalidArgument if fields of the request are missing or contradict each
// other.
absl::Status CheckRequest(const v1::FinalizeRequest& request);

// Precondition of both: CheckRequest() returned OK.
engine::Steps StepsOf(const v1::Steps& steps);
engine::IdsSection IdsSectionOf(const v1::IdsSection& ids);

absl::StatusOr<store::FileKey> FileKeyOf(const v1::FileKey& key);

// Moves the output into the response.
void FillResponse(engine::FinalizeOutput output,
                  v1::FinalizeResponse* response);

// Makes of a text a string of proto3, which must be UTF-8; names in the input
// may be other bytes.
std::string Readable(absl::string_view text);

// The number of BTF bytes of a request and of a response, as the counters count
// them.
uint64_t BytesIn(const v1::FinalizeRequest& request);
uint64_t BytesOut(const v1::FinalizeResponse& response);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_WIRE_CONVERT_H_
