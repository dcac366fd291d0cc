// SPDX-License-Identifier: Apache-2.0
//
// Whether the word behind an option is its value decides what is a file name,
// so an option that is not in the table ends the attempt.
#include "lib/encode/call.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/util/status_macros.h"

namespace btfd::encode {

namespace {

using V = PaholeVersion;

// The features of --btf_features, in the order in which pahole lists them.
struct Feature {
  absl::string_view name;
  V since;  // the first version here that lists it, with its Debian's libbpf
  bool by_default;
  bool Features::*field;
};
constexpr Feature kFeatures[] = {
    {"encode_force", V::k1_30, true, &Features::encode_force},
    {"var", V::k1_30, true, &Features::var},
    {"float", V::k1_30, true, &Features::floats},
    {"decl_tag", V::k1_30, true, &Features::decl_tag},
    {"type_tag", V::k1_30, true, &Features::type_tag},
    {"enum64", V::k1_30, true, &Features::enum64},
    {"optimized_func", V::k1_30, true, &Features::optimized_func},
    {"consistent_func", V::k1_30, true, &Features::consistent_func},
    {"decl_tag_kfuncs", V::k1_30, true, &Features::decl_tag_kfuncs},
    {"reproducible_build", V::k1_30, false, &Features::reproducible_build},
    {"distilled_base", V::k1_30, false, &Features::distilled_base},
    {"global_var", V::k1_30, false, &Features::global_var},
    // libbpf 1.5, with which Debian has 1.30 and 1.31, lacks what it takes.
    {"attributes", V::k1_32, false, &Features::attributes},
    {"true_signature", V::k1_32, false, &Features::true_signature},
    {"force_cu_merging", V::k1_32, false, &Features::force_cu_merging},
};

const Feature* FindFeature(absl::string_view name, V version) {
  for (const Feature& feature : kFeatures) {
    if (feature.name == name && feature.since <= version) return &feature;
  }
  return nullptr;
}

class FeatureList {
 public:
  FeatureList(V version, Features* features)
      : version_(version), features_(features) {}

  // One --btf_features.
  absl::Status Take(absl::string_view list, bool strict) {
    if (!met_) {
      for (const Feature& feature : kFeatures) {
        features_->*feature.field = false;
      }
      met_ = true;
    }
    if (absl::ConsumePrefix(&list, "+")) TurnOnDefaults();
    for (const absl::string_view name : absl::StrSplit(list, ',')) {
      if (name == "default") {
        TurnOnDefaults();
      } else if (name == "all" && version_ >= V::k1_32) {
        for (const Feature& feature : kFeatures) {
          if (feature.since <= version_) features_->*feature.field = true;
        }
      } else if (const Feature* feature = FindFeature(name, version_)) {
        features_->*feature->field = true;
      } else if (strict) {
        return absl::InvalidArgumentError(
            absl::StrCat("Feature '", name,
                         "' in 'btf_features_strict' is not "
                         "supported"));
      }
    }
    return absl::OkStatus();
  }

 private:
  void TurnOnDefaults() {
    for (const Feature& feature : kFeatures) {
      if (feature.by_default) features_->*feature.field = true;
    }
  }

  const V version_;
  Features* const features_;
  bool met_ = false;
};

// Options that stand alone, and what they switch.
struct Flag {
  absl::string_view name;
  bool Features::*field;  // or null: known, and of no effect here
  bool value;
};
constexpr Flag kFlags[] = {
    {"--btf_encode_force", &Features::encode_force, true},
    {"--btf_gen_floats", &Features::floats, true},
    {"--btf_gen_optimized", &Features::optimized_func, true},
    {"--btf_attributes", &Features::attributes, true},
    {"--skip_encoding_btf_vars", &Features::var, false},
    {"--skip_encoding_btf_decl_tag", &Features::decl_tag, false},
    {"--skip_encoding_btf_type_tag", &Features::type_tag, false},
    {"--skip_encoding_btf_enum64", &Features::enum64, false},
    {"--skip_encoding_btf_inconsistent_proto", &Features::consistent_func,
     true},
    {"--reproducible_build", &Features::reproducible_build, true},
    {"--skip_missing", nullptr, false},
};

absl::Status TakeLanguages(absl::string_view list, EncodeOptions* options) {
  for (const absl::string_view name : absl::StrSplit(list, ',')) {
    const std::optional<uint16_t> number = LanguageNumber(name);
    if (!number.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown language \"", name, "\""));
    }
    options->excluded_languages.push_back(*number);
  }
  return absl::OkStatus();
}

// -j, -jN, --jobs, --jobs=N: the number is never a word of its own.
bool TakeJobs(absl::string_view word, int* threads) {
  if (word == "-j" || word == "--jobs") {
    *threads = 0;
    return true;
  }
  return (absl::ConsumePrefix(&word, "--jobs=") ||
          absl::ConsumePrefix(&word, "-j")) &&
         absl::SimpleAtoi(word, threads) && *threads >= 0;
}

}  // namespace

absl::StatusOr<std::optional<PaholeCall>> ParsePaholeCall(
    const std::vector<std::string>& words, PaholeVersion version,
    const std::string& lang_exclude) {
  PaholeCall call;
  call.options.version = version;
  FeatureList features(version, &call.options.features);
  bool encodes = false;
  bool languages_given = false;
  std::vector<std::string> files;
  for (size_t i = 0; i < words.size(); ++i) {
    const absl::string_view word = words[i];
    // NAME=VALUE, or NAME and VALUE as two words.
    std::optional<absl::string_view> value;
    bool value_missing = false;
    const auto is = [&](absl::string_view name) {
      absl::string_view rest = word;
      if (!absl::ConsumePrefix(&rest, name)) return false;
      if (absl::ConsumePrefix(&rest, "=")) {
        value = rest;
      } else if (!rest.empty()) {
        return false;
      } else if (i + 1 < words.size()) {
        value = words[++i];
      } else {
        value_missing = true;
      }
      return true;
    };
    const auto flag =
        std::find_if(std::begin(kFlags), std::end(kFlags),
                     [&](const Flag& known) { return known.name == word; });
    if (flag != std::end(kFlags)) {
      if (flag->field != nullptr) {
        call.options.features.*flag->field = flag->value;
      }
    } else if (word == "-J" || word == "--btf_encode") {
      encodes = true;
    } else if (word == "-V" || word == "--verbose") {
      call.verbose = true;
    } else if (TakeJobs(word, &call.options.threads)) {
    } else if (is("--btf_base")) {
      if (value.has_value()) call.base = std::string(*value);
    } else if (is("--btf_encode_detached")) {
      encodes = true;
      if (value.has_value()) call.detached = std::string(*value);
    } else if (version != V::k1_24 && is("--btf_features")) {
      if (value.has_value()) {
        RETURN_IF_ERROR(features.Take(*value, false));
      }
    } else if (version != V::k1_24 && is("--btf_features_strict")) {
      if (value.has_value()) RETURN_IF_ERROR(features.Take(*value, true));
    } else if (is("--lang_exclude")) {
      languages_given = true;
      if (value.has_value()) {
        RETURN_IF_ERROR(TakeLanguages(*value, &call.options));
      }
    } else if (!word.empty() && word[0] != '-') {
      files.emplace_back(word);
    } else {
      return std::nullopt;
    }
    if (value_missing) return std::nullopt;
  }
  if (!encodes || files.size() != 1) return std::nullopt;
  if (!languages_given && !lang_exclude.empty()) {
    RETURN_IF_ERROR(TakeLanguages(lang_exclude, &call.options));
  }
  call.elf = files[0];
  return call;
}

std::string SupportedFeatures(PaholeVersion version) {
  std::vector<absl::string_view> names;
  for (const Feature& feature : kFeatures) {
    if (feature.since <= version) names.push_back(feature.name);
  }
  return absl::StrJoin(names, ",");
}

}  // namespace btfd::encode
