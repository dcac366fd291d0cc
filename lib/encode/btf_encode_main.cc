// SPDX-License-Identifier: Apache-2.0
//
// btf_encode: what the encoder makes of a file, before anything is put over a
// base or deduplicated. For tests and for looking at:
//
//   btf_encode --pahole_version=1.32 [--make_all] [--uncertain=FILE-OF-NAMES]
//              [--explain] -J [PAHOLE'S OPTIONS]
//              --btf_encode_detached=OUT FILE
#include <stdio.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/encode/call.h"
#include "lib/encode/encoder.h"
#include "lib/util/file.h"
#include "lib/util/heap.h"
#include "lib/util/status_macros.h"

namespace btfd::encode {
namespace {

absl::Status Main(int argc, char** argv) {
  PaholeVersion version = PaholeVersion::k1_32;
  bool make_all = false;
  bool explain = false;
  BaseNames base;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (absl::ConsumePrefix(&word, "--pahole_version=")) {
      const auto known = ParsePaholeVersion(word);
      if (!known.has_value()) {
        return absl::InvalidArgumentError("no such version");
      }
      version = *known;
    } else if (word == "--make_all") {
      make_all = true;
    } else if (absl::ConsumePrefix(&word, "--base_declares=")) {
      ASSIGN_OR_RETURN(const std::string text,
                       util::ReadFile(std::string(word)));
      base.declared = absl::StrSplit(text, '\n', absl::SkipEmpty());
    } else if (absl::ConsumePrefix(&word, "--base_repeats=")) {
      ASSIGN_OR_RETURN(const std::string text,
                       util::ReadFile(std::string(word)));
      base.repeated = absl::StrSplit(text, '\n', absl::SkipEmpty());
    } else if (word == "--explain") {
      explain = true;
    } else {
      words.emplace_back(word);
    }
  }
  ASSIGN_OR_RETURN(auto call, ParsePaholeCall(words, version, ""));
  if (!call.has_value() || !call->detached.has_value()) {
    return absl::InvalidArgumentError("not a call that encodes to a file");
  }
  call->options.make_all = make_all;
  call->options.base = base;
  ASSIGN_OR_RETURN(const elf::ModuleFile file,
                   elf::ModuleFile::Open(call->elf));
  ASSIGN_OR_RETURN(const auto object,
                   dwarf::Object::Open(file, dwarf::InfoOrder::kAssumed));
  ASSIGN_OR_RETURN(const Encoded encoded, Encode(*object, call->options));
  for (const std::string& line : encoded.messages) {
    fprintf(stderr, "%s\n", line.c_str());
  }
  for (const MissingKfunc& kfunc : encoded.missing_kfuncs) {
    fprintf(stderr, "kfunc %s: %s\n", kfunc.name.c_str(), kfunc.reason.c_str());
  }
  if (explain) {
    for (const SkippedFunction& skipped : encoded.skipped) {
      printf("%s: %s\n", skipped.name.c_str(),
             std::string(SkipReasonText(skipped.reason)).c_str());
    }
    printf("%llu units, %llu types met, %llu made, %zu bytes\n",
           static_cast<unsigned long long>(encoded.units),
           static_cast<unsigned long long>(encoded.types_met),
           static_cast<unsigned long long>(encoded.types_made),
           encoded.btf.size());
    const Interner::Stats& stats = encoded.interner;
    printf(
        "%llu marked units, %llu special ones, %llu marked types, %zu "
        "forwards\n",
        static_cast<unsigned long long>(stats.marked_units),
        static_cast<unsigned long long>(stats.special_units),
        static_cast<unsigned long long>(stats.marked_types),
        encoded.forwards.size());
  }
  if (encoded.btf.empty()) return absl::OkStatus();
  return util::WriteFileAtomically(*call->detached, encoded.btf);
}

}  // namespace
}  // namespace btfd::encode

int main(int argc, char** argv) {
  btfd::util::PrepareHeap();
  const absl::Status status = btfd::encode::Main(argc, argv);
  if (status.ok()) return 0;
  fprintf(stderr, "btf_encode: %s\n", std::string(status.message()).c_str());
  return 1;
}
