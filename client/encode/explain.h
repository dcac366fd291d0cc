// SPDX-License-Identifier: Apache-2.0
//
// What the encoder left out, and why, for people.
#ifndef BTFD_CLIENT_ENCODE_EXPLAIN_H_
#define BTFD_CLIENT_ENCODE_EXPLAIN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/encode/encoder.h"

namespace btfd::client {

// Options that encoding commands have besides pahole's own.
struct ExplainOptions {
  // --explain, --explain=FILE: each function that has no FUNC. An empty name is
  // stderr; a file is appended to, since many calls may name the same one.
  std::optional<std::string> explain;
  bool require_kfuncs = false;  // --require-kfuncs
};

// Takes these options out of `words`.
ExplainOptions TakeExplainOptions(std::vector<std::string>* words);

// Lines "ELF: FUNCTION: no FUNC: REASON (DIE 0x1c, 0x2d)".
std::vector<std::string> ExplainLines(const std::string& elf,
                                      const encode::Encoded& encoded);
// Writes them where `options` say. Errors: what the system says of the file.
absl::Status Explain(const ExplainOptions& options, const std::string& elf,
                     const encode::Encoded& encoded);

// Lines that name each kfunc without a FUNC.
std::vector<std::string> MissingKfuncLines(const std::string& elf,
                                           const encode::Encoded& encoded);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_EXPLAIN_H_
