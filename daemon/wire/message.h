// SPDX-License-Identifier: Apache-2.0
//
// A message as it came, looked at before it is parsed. Two bytes on the wire
// can become a hundred in memory (an empty element of a repeated field, a field
// that nobody knows), so what a message will cost is told from its fields, and
// those are counted without taking memory for them.
#ifndef BTFD_DAEMON_WIRE_MESSAGE_H_
#define BTFD_DAEMON_WIRE_MESSAGE_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace btfd::daemon {

struct MessageSize {
  uint64_t bytes = 0;   // on the wire
  uint64_t fields = 0;  // of known messages, nested ones included
  uint64_t tag = 0;     // value of a number in field 1

  // What it takes in memory, at most and roughly.
  uint64_t Cost() const { return bytes + 64 * fields; }
};

// Measures a message that claims to be of the type of `type`.
// InvalidArgument: it cannot be parsed, or has groups, which proto3 has not.
absl::StatusOr<MessageSize> MeasureMessage(
    grpc::ByteBuffer* raw, const google::protobuf::Message& type);

// InvalidArgument if it cannot be parsed.
absl::Status ParseMessage(grpc::ByteBuffer* raw,
                          google::protobuf::Message* message);

// Both, for a message that must be small: ResourceExhausted beyond `max_cost`.
absl::Status ParseSmallMessage(grpc::ByteBuffer* raw, uint64_t max_cost,
                               google::protobuf::Message* message);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_WIRE_MESSAGE_H_
