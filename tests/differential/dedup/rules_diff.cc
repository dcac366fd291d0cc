// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/dedup/rules_diff.h"

#include <stdio.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"
#include "tests/differential/dedup/native.h"
#include "tests/differential/dedup/plain_form.h"
#include "tests/oracle/oracle.h"

namespace btfd::tests {

using engine::LibbpfRules;
using Verdict = ShippedLibbpf::Verdict;

struct RulesDiff::Case {
  const char* what;
  const std::string* base;  // null: no base
  const std::string* btf;
  bool encode;
  bool distill;
};

namespace {

// Runs the libbpf that is linked into this program.
ShippedLibbpf::Result JudgeLinked(const std::string* base_bytes,
                                  const std::string& residue, bool distill) {
  ShippedLibbpf::Result result;
  result.verdict = Verdict::kRefused;
  OracleBtf base;
  if (base_bytes != nullptr) {
    base = OracleParse(*base_bytes, nullptr);
    if (base == nullptr) return result;
  }
  const OracleBtf source = OracleParse(residue, nullptr);
  if (source == nullptr) return result;
  const OracleBtf made = OracleEncode(source.get(), base.get());
  if (made == nullptr) return result;
  if (distill) {
    const auto distilled = OracleDistill(made.get());
    if (!distilled.has_value()) return result;
    result.distilled_base = OracleBytes(distilled->base.get()).value_or("");
    result.btf = OracleBytes(distilled->split.get()).value_or("");
  } else {
    result.btf = OracleBytes(made.get()).value_or("");
  }
  result.verdict = Verdict::kDone;
  return result;
}

std::string DescribeDifference(const std::string& native,
                               const std::string& expected) {
  if (native == expected) return "";
  size_t at = 0;
  while (at < native.size() && at < expected.size() &&
         native[at] == expected[at]) {
    ++at;
  }
  return absl::StrCat(native.size(), " bytes instead of ", expected.size(),
                      ", the first difference at ", at);
}

absl::StatusOr<NativeResidue> Run(const std::string* base,
                                  const std::string& btf, bool encode,
                                  bool distill,
                                  const engine::DedupOptions& options,
                                  util::Arena* arena) {
  NativeBase over;
  if (base != nullptr) {
    ASSIGN_OR_RETURN(over, LoadNativeBase(*base));
  }
  if (encode) return NativeEncode(btf, over, options, distill, arena);
  NativeResidue result;
  ASSIGN_OR_RETURN(result.btf, NativeDedup(btf, over, options, arena));
  return result;
}

std::string Compare(const absl::StatusOr<NativeResidue>& native,
                    const ShippedLibbpf::Result& expected) {
  if (native.ok() != (expected.verdict == Verdict::kDone)) {
    return native.ok() ? "only libbpf refuses"
                       : absl::StrCat("only the engine refuses: ",
                                      native.status().message());
  }
  if (!native.ok()) return "";
  const std::string difference =
      DescribeDifference(native->distilled_base, expected.distilled_base);
  if (!difference.empty()) return "distilled base: " + difference;
  return DescribeDifference(native->btf, expected.btf);
}

}  // namespace

const char* RulesName(LibbpfRules rules) {
  switch (rules) {
    case LibbpfRules::k1_1:
      return "1.1";
    case LibbpfRules::k1_5:
      return "1.5";
    case LibbpfRules::k1_7:
      return "1.7";
    case LibbpfRules::k1_8:
      return "1.8";
  }
  return "";
}

absl::StatusOr<std::unique_ptr<RulesDiff>> RulesDiff::Start(LibbpfRules rules) {
  std::unique_ptr<ShippedLibbpf> libbpf;
  if (rules != LibbpfRules::k1_8) {
    ASSIGN_OR_RETURN(libbpf, ShippedLibbpf::Start(RulesName(rules)));
  }
  return std::unique_ptr<RulesDiff>(new RulesDiff(rules, std::move(libbpf)));
}

RulesDiff::RulesDiff(LibbpfRules rules, std::unique_ptr<ShippedLibbpf> libbpf)
    : rules_(rules), libbpf_(std::move(libbpf)) {}

ShippedLibbpf::Result RulesDiff::AskLibbpf(const Case& input) {
  if (libbpf_ == nullptr) {
    return JudgeLinked(input.base, *input.btf, input.distill);
  }
  ShippedLibbpf::Request request;
  request.base = input.base;
  request.btf = *input.btf;
  request.encode = input.encode;
  request.distill = input.distill;
  return libbpf_->Dedup(request);
}

void RulesDiff::CompareOne(const Case& input, DedupDiff* diff) {
  if (!diff->difference.empty()) return;
  const ShippedLibbpf::Result expected = AskLibbpf(input);
  const bool unjudged = expected.verdict == Verdict::kEndless ||
                        expected.verdict == Verdict::kCrashed;
  diff->endless |= unjudged;
  diff->refused |= expected.verdict == Verdict::kRefused;
  for (const bool learn_at_once : {false, true}) {
    engine::DedupOptions options;
    options.rules = rules_;
    options.learn_at_once = learn_at_once;
    const absl::StatusOr<NativeResidue> native = Run(
        input.base, *input.btf, input.encode, input.distill, options, &arena_);
    if (unjudged) continue;
    const std::string difference = tests::Compare(native, expected);
    if (difference.empty()) continue;
    diff->difference = absl::StrCat(input.what, ": ", difference,
                                    learn_at_once ? " (learning at once)" : "");
    return;
  }
}

DedupDiff RulesDiff::Compare(const GeneratedCase& input) {
  DedupDiff diff;
  const std::string base = input.has_base ? PlainForm(input.base) : "";
  const std::string split = PlainForm(input.split);
  const std::string* const over = input.has_base ? &base : nullptr;
  if (libbpf_ != nullptr) {
    CompareOne({"parsed", over, &split, false, false}, &diff);
  }
  const std::string residue =
      WithString(input.has_base ? Concatenated(base, split) : split, "unused");
  CompareOne({"encoded", nullptr, &residue, true, false}, &diff);
  if (!input.has_base) return diff;
  CompareOne({"encoded over a base", over, &residue, true, false}, &diff);
  if (rules_ != LibbpfRules::k1_1) {
    CompareOne({"distilled", over, &residue, true, true}, &diff);
  }
  return diff;
}

FuzzRun RulesDiff::Fuzz(Style style, uint64_t first_seed, uint64_t count) {
  FuzzRun run;
  for (uint64_t seed = first_seed; seed < first_seed + count; ++seed) {
    const DedupDiff diff = Compare(Generate(style, seed));
    ++run.cases;
    run.refused += diff.refused;
    run.endless += diff.endless;
    if (diff.difference.empty()) continue;
    if (++run.differences <= 20) {
      fprintf(stderr, "libbpf %s, style %s, seed %llu: %s\n", RulesName(rules_),
              StyleName(style), static_cast<unsigned long long>(seed),
              diff.difference.c_str());
    }
  }
  return run;
}

}  // namespace btfd::tests
