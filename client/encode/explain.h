// SPDX-License-Identifier: Apache-2.0
//
// Tells people what the encoder left out, and why.
#ifndef BTFD_CLIENT_ENCODE_EXPLAIN_H_
#define BTFD_CLIENT_ENCODE_EXPLAIN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/encode/encoder.h"

namespace btfd::client {

// The options that encoding commands have in addition to pahole's.
struct ExplainOptions {
  // --explain, --explain=FILE: report each function that has no FUNC. An empty
  // name means stderr. A file is appended to, because many calls of one build
  // may name the same file.
  std::optional<std::string> explain;
  bool require_kfuncs = false;  // --require-kfuncs
};

// Removes these options from `words` and returns them.
ExplainOptions TakeExplainOptions(std::vector<std::string>* words);

// Returns lines such as "ELF: FUNCTION: no FUNC: REASON (DIE 0x1c, 0x2d)".
std::vector<std::string> ExplainLines(const std::string& elf,
                                      const encode::Encoded& encoded);
// Writes these lines where `options` say. Errors are the system's for the file.
absl::Status Explain(const ExplainOptions& options, const std::string& elf,
                     const encode::Encoded& encoded);

// Returns lines that name each kfunc without a FUNC.
std::vector<std::string> MissingKfuncLines(const std::string& elf,
                                           const encode::Encoded& encoded);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_EXPLAIN_H_
