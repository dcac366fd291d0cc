// SPDX-License-Identifier: Apache-2.0
//
// Which word is a file name depends on whether the option before it has a
// value. So an option that is not in the table below ends parsing: a call that
// is not fully understood is never changed.
#include "client/encode/pahole_arguments.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

namespace {

constexpr absl::string_view kBase = "--btf_base";
constexpr absl::string_view kDetached = "--btf_encode_detached";
constexpr absl::string_view kDistilledBase = "distilled_base";
constexpr absl::string_view kFeatureOptions[] = {"--btf_features",
                                                 "--btf_features_strict"};

// Options for encoding that have no value.
constexpr absl::string_view kFlags[] = {
    "-J",
    "--btf_encode",
    "-j",
    "--jobs",
    "-V",
    "--verbose",
    "--btf_attributes",
    "--btf_encode_force",
    "--btf_gen_all",
    "--btf_gen_floats",
    "--btf_gen_optimized",
    "--skip_encoding_btf_vars",
    "--skip_encoding_btf_decl_tag",
    "--skip_encoding_btf_type_tag",
    "--skip_encoding_btf_enum64",
    "--skip_encoding_btf_inconsistent_proto",
    "--skip_missing",
    "--reproducible_build"};

bool IsFlag(absl::string_view word) {
  for (const absl::string_view flag : kFlags) {
    if (word == flag) return true;
  }
  // -jN, --jobs=N: the number is always in the same word.
  return absl::StartsWith(word, "--jobs=") ||
         (absl::StartsWith(word, "-j") &&
          word.find_first_not_of("0123456789", 2) == absl::string_view::npos);
}

// True if `word` is the option `name`; *value is then the text behind its "=",
// if there is one.
bool IsOption(absl::string_view word, absl::string_view name,
              std::optional<absl::string_view>* value) {
  if (!absl::StartsWith(word, name)) return false;
  const absl::string_view tail = word.substr(name.size());
  if (tail.empty()) {
    value->reset();
    return true;
  }
  if (tail[0] != '=') return false;
  *value = tail.substr(1);
  return true;
}

// Removes distilled_base from a list of features. An empty list stays, because
// that option alone turns all other features off.
std::string WithoutFeature(absl::string_view features, bool* had_it) {
  std::vector<absl::string_view> kept;
  for (const absl::string_view feature : absl::StrSplit(features, ',')) {
    if (feature == kDistilledBase) {
      *had_it = true;
    } else {
      kept.push_back(feature);
    }
  }
  return absl::StrJoin(kept, ",");
}

bool IsFeatures(absl::string_view word, absl::string_view* name,
                std::optional<absl::string_view>* value) {
  for (const absl::string_view option : kFeatureOptions) {
    if (IsOption(word, option, value)) {
      *name = option;
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> WithoutDistilledBase(
    const std::vector<std::string>& arguments, bool* had_it) {
  std::vector<std::string> kept;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view name;
    std::optional<absl::string_view> value;
    if (!IsFeatures(arguments[i], &name, &value)) {
      kept.push_back(arguments[i]);
      continue;
    }
    if (!value.has_value() && i + 1 < arguments.size()) value = arguments[++i];
    kept.push_back(absl::StrCat(
        name, "=",
        WithoutFeature(value.value_or(absl::string_view()), had_it)));
  }
  return kept;
}

std::optional<PaholeEncoding> ParsePaholeEncoding(
    const std::vector<std::string>& arguments) {
  PaholeEncoding call;
  bool encodes = false;
  std::vector<std::string> files;
  const std::vector<std::string> words =
      WithoutDistilledBase(arguments, &call.distill);
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    absl::string_view name;
    std::optional<absl::string_view> value;
    const bool is_base = IsOption(word, kBase, &value);
    if (is_base || IsOption(word, kDetached, &value)) {
      if (!value.has_value()) {
        if (i + 1 == words.size()) return std::nullopt;
        value = words[++i];
      }
      if (is_base) {
        call.base = std::string(*value);
      } else {
        call.detached = std::string(*value);
        encodes = true;
      }
    } else if (IsFeatures(word, &name, &value) ||
               absl::StartsWith(word, "--lang_exclude=")) {
      call.rest.push_back(word);
    } else if (word == "--lang_exclude") {
      if (i + 1 == words.size()) return std::nullopt;
      call.rest.push_back(word);
      call.rest.push_back(words[++i]);
    } else if (IsFlag(word)) {
      encodes = encodes || word == "-J" || word == "--btf_encode";
      call.rest.push_back(word);
    } else if (!word.empty() && word[0] != '-') {
      files.push_back(word);
    } else {
      return std::nullopt;
    }
  }
  if (!encodes || call.base.empty() || files.size() != 1) return std::nullopt;
  call.elf = files[0];
  return call;
}

}  // namespace btfd::client
