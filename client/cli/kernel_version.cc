// SPDX-License-Identifier: Apache-2.0
#include "client/cli/kernel_version.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace btfd::client {

namespace {

// Returns the leading digits of `text` and removes them from it.
absl::string_view TakeDigits(absl::string_view* text) {
  size_t length = 0;
  while (length < text->size() && absl::ascii_isdigit((*text)[length])) {
    ++length;
  }
  const absl::string_view digits = text->substr(0, length);
  text->remove_prefix(length);
  return digits;
}

}  // namespace

std::optional<KernelVersion> ParseKernelVersion(absl::string_view text) {
  KernelVersion version;
  if (!absl::SimpleAtoi(TakeDigits(&text), &version.major)) return std::nullopt;
  if (text.empty() || text[0] != '.') return std::nullopt;
  text.remove_prefix(1);
  if (!absl::SimpleAtoi(TakeDigits(&text), &version.minor)) return std::nullopt;
  // Then ".12", "-rc3", "+" or the end; "7.2x" is no version.
  if (!text.empty() && absl::ascii_isalnum(text[0])) return std::nullopt;
  return version;
}

}  // namespace btfd::client
