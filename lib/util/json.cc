// SPDX-License-Identifier: Apache-2.0
#include "lib/util/json.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace btfd::util {

namespace {

// The length of the UTF-8 sequence at the start of `text`; 0 if it is not
// valid.
size_t Utf8Length(absl::string_view text) {
  const auto byte = [&text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Refuses overlong forms, surrogates, and numbers beyond U+10FFFF.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) >= 0xa0) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) >= 0x90) return 0;
  return length;
}

}  // namespace

void AppendJsonString(absl::string_view text, std::string* out) {
  *out += '"';
  size_t plain = 0;  // bytes that go out as they are
  while (plain < text.size()) {
    const size_t length = Utf8Length(text.substr(plain));
    const unsigned char lead = text[plain];
    if (length != 0 && lead >= 0x20 && lead != '"' && lead != '\\') {
      plain += length;
      continue;
    }
    absl::StrAppend(out, text.substr(0, plain));
    if (length == 0) {
      *out += "\\ufffd";
    } else if (lead < 0x20) {
      absl::StrAppendFormat(out, "\\u%04x", lead);
    } else {
      *out += '\\';
      *out += static_cast<char>(lead);
    }
    text.remove_prefix(plain + 1);
    plain = 0;
  }
  absl::StrAppend(out, text, "\"");
}

std::string JsonString(absl::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

void JsonWriter::StartMember(absl::string_view key) {
  if (!first_) text_ += ", ";
  first_ = false;
  if (key.empty()) return;
  AppendJsonString(key, &text_);
  text_ += ": ";
}

std::string JsonWriter::TakeText() {
  std::string text = std::move(text_);
  text_.clear();
  return text;
}

JsonWriter& JsonWriter::Open(char bracket, absl::string_view key) {
  StartMember(key);
  text_ += bracket;
  open_.push_back(bracket == '{' ? '}' : ']');
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close() {
  text_ += open_.back();
  open_.pop_back();
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Add(absl::string_view key, absl::string_view value) {
  StartMember(key);
  AppendJsonString(value, &text_);
  return *this;
}

JsonWriter& JsonWriter::Add(absl::string_view key, uint64_t value) {
  StartMember(key);
  absl::StrAppend(&text_, value);
  return *this;
}

JsonWriter& JsonWriter::Add(absl::string_view key, int64_t value) {
  StartMember(key);
  absl::StrAppend(&text_, value);
  return *this;
}

JsonWriter& JsonWriter::Add(absl::string_view key, bool value) {
  StartMember(key);
  text_ += value ? "true" : "false";
  return *this;
}

}  // namespace btfd::util
