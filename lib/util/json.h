// SPDX-License-Identifier: Apache-2.0
//
// Writes JSON (RFC 8259) for programs that read our output.
#ifndef BTFD_LIB_UTIL_JSON_H_
#define BTFD_LIB_UTIL_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace btfd::util {

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become
// U+FFFD.
std::string JsonString(absl::string_view text);
void AppendJsonString(absl::string_view text, std::string* out);

// An object or array on one line. Its members have the order of the calls.
class JsonWriter {
 public:
  // Each Open() needs its Close(). Leave `key` empty inside an array and at the
  // top.
  JsonWriter& Open(char bracket, absl::string_view key = "");
  JsonWriter& Close();
  JsonWriter& Add(absl::string_view key, absl::string_view value);
  JsonWriter& Add(absl::string_view key, const char* value) {
    return Add(key, absl::string_view(value));
  }
  JsonWriter& Add(absl::string_view key, uint64_t value);
  JsonWriter& Add(absl::string_view key, int64_t value);
  JsonWriter& Add(absl::string_view key, uint32_t value) {
    return Add(key, uint64_t{value});
  }
  JsonWriter& Add(absl::string_view key, bool value);

  const std::string& text() const { return text_; }
  // The same, and begins a new text: for output in pieces.
  std::string TakeText();

 private:
  void StartMember(absl::string_view key);

  std::string text_;
  std::vector<char> open_;  // closing brackets
  bool first_ = true;
};

}  // namespace btfd::util

#endif  // BTFD_LIB_UTIL_JSON_H_
