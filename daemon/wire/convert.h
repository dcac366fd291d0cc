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
#include "lib/store/store.h"
#include "proto/btfd.pb.h"

namespace btfd::daemon {

// InvalidArgument if fields of the request are missing or contradict each
// other.
absl::Status CheckRequest(const v1::FinalizeRequest& request);

absl::StatusOr<store::FileKey> FileKeyOf(const v1::FileKey& key);

// The number of BTF bytes of a request and of a response, as the counters count
// them.
uint64_t BytesIn(const v1::FinalizeRequest& request);
uint64_t BytesOut(const v1::FinalizeResponse& response);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_WIRE_CONVERT_H_
