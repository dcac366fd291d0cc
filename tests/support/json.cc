// SPDX-License-Identifier: Apache-2.0
#include "tests/support/json.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace btfd::tests {

namespace {

using google::protobuf::Value;

std::string AsText(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return value.string_value();
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case Value::kNumberValue:
      if (value.number_value() == std::floor(value.number_value())) {
        return absl::StrCat(static_cast<int64_t>(value.number_value()));
      }
      return absl::StrCat(value.number_value());
    case Value::kStructValue:
      return absl::StrCat(value.struct_value().fields_size());
    case Value::kListValue:
      return absl::StrCat(value.list_value().values_size());
    default:
      return "null";
  }
}

// Null if there is no such part.
const Value* Part(const Value& value, const std::string& name) {
  if (value.has_struct_value()) {
    const auto& fields = value.struct_value().fields();
    const auto found = fields.find(name);
    return found == fields.end() ? nullptr : &found->second;
  }
  int index = 0;
  if (!value.has_list_value() || !absl::SimpleAtoi(name, &index) || index < 0 ||
      index >= value.list_value().values_size()) {
    return nullptr;
  }
  return &value.list_value().values(index);
}

}  // namespace

std::string JsonAt(const std::string& text, const std::string& path) {
  Value root;
  const auto status = google::protobuf::util::JsonStringToMessage(
      text, root.mutable_struct_value());
  if (!status.ok()) {
    return absl::StrCat("(no JSON: ", status.ToString(), ")");
  }
  const Value* value = &root;
  for (const std::string& name :
       std::vector<std::string>(absl::StrSplit(path, '.'))) {
    value = Part(*value, name);
    if (value == nullptr) return "(none)";
  }
  return AsText(*value);
}

uint64_t JsonNumberAt(const std::string& text, const std::string& path) {
  uint64_t number = 0;
  return absl::SimpleAtoi(JsonAt(text, path), &number) ? number : 0;
}

}  // namespace btfd::tests
