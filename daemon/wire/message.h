// SPDX-License-Identifier: Apache-2.0
//
// Measures a message before it is parsed. Two bytes on the wire can become a
// hundred in memory (an empty element of a repeated field, an unknown field).
// So the memory that a message will take is computed from the number of its
// fields. They are counted without taking memory for them.
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
  uint64_t fields = 0;  // of known messages, with nested ones
  uint64_t tag = 0;     // value of field 1, if it is a number

  // A rough upper bound of its memory, in bytes.
  uint64_t Cost() const { return bytes + 64 * fields; }
};

// Measures a message of the type of `type`. InvalidArgument if it cannot be
// parsed, or if it has groups, which proto3 does not have.
absl::StatusOr<MessageSize> MeasureMessage(
    grpc::ByteBuffer* raw, const google::protobuf::Message& type);

// InvalidArgument if it cannot be parsed.
absl::Status ParseMessage(grpc::ByteBuffer* raw,
                          google::protobuf::Message* message);

// Measures and parses a message that must be small. ResourceExhausted if its
// cost is above `max_cost`.
absl::Status ParseSmallMessage(grpc::ByteBuffer* raw, uint64_t max_cost,
                               google::protobuf::Message* message);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_WIRE_MESSAGE_H_
