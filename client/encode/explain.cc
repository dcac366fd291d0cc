// SPDX-License-Identifier: Apache-2.0
#include "client/encode/explain.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/command_line.h"
#include "lib/util/file.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

ExplainOptions TakeExplainOptions(std::vector<std::string>* words) {
  ExplainOptions options;
  const auto is_ours = [&options](const std::string& word) {
    absl::string_view rest = word;
    if (word == "--require-kfuncs") {
      options.require_kfuncs = true;
    } else if (word == "--explain") {
      options.explain = "";
    } else if (absl::ConsumePrefix(&rest, "--explain=")) {
      options.explain = std::string(rest);
    } else {
      return false;
    }
    return true;
  };
  words->erase(std::remove_if(words->begin(), words->end(), is_ours),
               words->end());
  return options;
}

std::vector<std::string> ExplainLines(const std::string& elf,
                                      const encode::Encoded& encoded) {
  std::vector<std::string> lines;
  for (const encode::SkippedFunction& skipped : encoded.skipped) {
    const std::string dies = absl::StrJoin(
        skipped.dies, ", ", [](std::string* out, uint64_t offset) {
          absl::StrAppendFormat(out, "%#x", offset);
        });
    lines.push_back(absl::StrCat(elf, ": ", skipped.name, ": no FUNC: ",
                                 encode::SkipReasonText(skipped.reason),
                                 " (DIE ", dies, ")"));
  }
  return lines;
}

absl::Status Explain(const ExplainOptions& options, const std::string& elf,
                     const encode::Encoded& encoded) {
  if (!options.explain.has_value()) return absl::OkStatus();
  const std::vector<std::string> lines = ExplainLines(elf, encoded);
  if (options.explain->empty()) {
    for (const std::string& line : lines) SayLine(line);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(
      const util::UniqueFd fd,
      util::OpenFile(*options.explain, O_WRONLY | O_CREAT | O_APPEND));
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  // The lines are written at once, so that those of one file stay together.
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t n =
        write(fd.get(), text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return util::ErrnoStatus(*options.explain, "cannot write");
    written += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

std::vector<std::string> MissingKfuncLines(const std::string& elf,
                                           const encode::Encoded& encoded) {
  std::vector<std::string> lines;
  for (const encode::MissingKfunc& kfunc : encoded.missing_kfuncs) {
    lines.push_back(absl::StrCat("WARN: ", elf, ": kfunc ", kfunc.name,
                                 " has no FUNC in BTF, so BPF programs cannot "
                                 "call it: ",
                                 kfunc.reason));
  }
  return lines;
}

}  // namespace btfd::client
