// SPDX-License-Identifier: Apache-2.0
#include "daemon/wire/message.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Depth is that of our messages, which do not nest in themselves.
bool Walk(CodedInputStream* in, const Descriptor& type, bool outermost,
          MessageSize* size) {
  while (const uint32_t tag = in->ReadTag()) {
    ++size->fields;
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_VARINT: {
        uint64_t value;
        if (!in->ReadVarint64(&value)) return false;
        if (outermost && number == 1) size->tag = value;
        break;
      }
      case WireFormatLite::WIRETYPE_FIXED32:
        if (!in->Skip(4)) return false;
        break;
      case WireFormatLite::WIRETYPE_FIXED64:
        if (!in->Skip(8)) return false;
        break;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
        uint32_t length;
        if (!in->ReadVarint32(&length) || length > INT32_MAX) return false;
        const FieldDescriptor* field = type.FindFieldByNumber(number);
        if (field == nullptr || field->message_type() == nullptr) {
          if (!in->Skip(static_cast<int>(length))) return false;
          break;
        }
        const auto limit = in->PushLimit(static_cast<int>(length));
        if (!Walk(in, *field->message_type(), false, size)) return false;
        if (in->BytesUntilLimit() != 0) return false;
        in->PopLimit(limit);
        break;
      }
      default:
        return false;
    }
  }
  return in->ConsumedEntireMessage();
}

absl::Status Malformed(const google::protobuf::Message& type) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a ", std::string(type.GetTypeName())));
}

}  // namespace

absl::StatusOr<MessageSize> MeasureMessage(
    grpc::ByteBuffer* raw, const google::protobuf::Message& type) {
  grpc::ProtoBufferReader reader(raw);
  if (!reader.status().ok()) return Malformed(type);
  MessageSize size;
  size.bytes = raw->Length();
  CodedInputStream in(&reader);
  if (!Walk(&in, *type.GetDescriptor(), true, &size)) return Malformed(type);
  return size;
}

absl::Status ParseMessage(grpc::ByteBuffer* raw,
                          google::protobuf::Message* message) {
  grpc::ProtoBufferReader reader(raw);
  if (!reader.status().ok() || !message->ParseFromZeroCopyStream(&reader)) {
    return Malformed(*message);
  }
  return absl::OkStatus();
}

absl::Status ParseSmallMessage(grpc::ByteBuffer* raw, uint64_t max_cost,
                               google::protobuf::Message* message) {
  if (raw->Length() > max_cost) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a ", std::string(message->GetTypeName()), " of ", raw->Length(),
        " bytes; at most ", max_cost, " are taken"));
  }
  ASSIGN_OR_RETURN(const MessageSize size, MeasureMessage(raw, *message));
  if (size.Cost() > max_cost) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a ", std::string(message->GetTypeName()), " with ", size.fields,
        " fields takes more than ", max_cost, " bytes"));
  }
  return ParseMessage(raw, message);
}

}  // namespace btfd::daemon
