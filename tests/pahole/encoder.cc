// SPDX-License-Identifier: Apache-2.0
#include "tests/pahole/encoder.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/dwarf/object.h"
#include "lib/elf/module_file.h"
#include "lib/encode/call.h"
#include "lib/encode/encoder.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "lib/util/digest.h"
#include "lib/util/status_macros.h"
#include "tests/pahole/btf_text.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {

namespace {

std::string OtherProgram() {
  const char* other = std::getenv("BTFD_ENCODER_PROGRAM");
  return other != nullptr ? other : "";
}

}  // namespace

// What a daemon keeps of a base.
struct OurPahole::IndexedBase {
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> index;
  encode::BaseNames names;
};

namespace {

engine::LibbpfRules RulesOfVersion(const std::string& version) {
  if (version == "1.24") return engine::LibbpfRules::k1_1;
  return version == "1.30" ? engine::LibbpfRules::k1_5
                           : engine::LibbpfRules::k1_7;
}

}  // namespace

OurPahole::OurPahole() : other_program_(OtherProgram()) {}
OurPahole::~OurPahole() = default;

absl::StatusOr<std::shared_ptr<const OurPahole::IndexedBase>>
OurPahole::IndexBase(const std::string& path) {
  if (path.empty()) return std::make_shared<const IndexedBase>();
  const std::string raw = ReadFileOrEmpty(path);
  const std::string key = util::Digest::Of(raw).hex();
  std::lock_guard<std::mutex> lock(mutex_);
  auto& known = bases_[key];
  if (known != nullptr) return known;
  auto indexed = std::make_shared<IndexedBase>();
  ASSIGN_OR_RETURN(indexed->base, btf::Base::Build(raw));
  ASSIGN_OR_RETURN(indexed->index, btf::DedupIndex::Build(*indexed->base));
  engine::Steps ask;
  ask.base_names = true;
  engine::FinalizeInput input;
  input.base = indexed->base.get();
  engine::FinalizeOutput output;
  util::Arena arena;
  RETURN_IF_ERROR(engine::Finalize(input, ask, &arena, &output));
  indexed->names = {output.base_names->declared, output.base_names->repeated};
  known = indexed;
  return known;
}

absl::StatusOr<std::string> OurPahole::Encode(
    const std::string& version, const std::vector<std::string>& words,
    const std::string& base_path) {
  ASSIGN_OR_RETURN(const auto base, IndexBase(base_path));
  ASSIGN_OR_RETURN(
      auto call,
      encode::ParsePaholeCall(words, *encode::ParsePaholeVersion(version), ""));
  if (!call) return absl::UnimplementedError("not a call that is known here");
  ASSIGN_OR_RETURN(const elf::ModuleFile file,
                   elf::ModuleFile::Open(call->elf));
  ASSIGN_OR_RETURN(const auto object, dwarf::Object::Open(file));
  engine::Steps steps;
  steps.encoded = RulesOfVersion(version);
  encode::EncodeOptions options = call->options;
  options.make_all |=
      base->base != nullptr &&
      encode::RulesOf(call->options.version).copies_count_over_base;
  options.base = base->names;
  while (true) {
    ASSIGN_OR_RETURN(const encode::Encoded encoded,
                     encode::Encode(*object, options));
    util::Arena arena;
    std::string result;
    if (encoded.btf.empty()) {
      if (base->base == nullptr)
        return absl::NotFoundError("nothing to encode");
      btf::Btf(base->base->table(), base->base.get(), btf::kClassicHeaderSize,
               base->base->foreign_endian(), &arena)
          .Serialize(&result);
      return result;
    }
    engine::FinalizeInput input;
    input.btf = encoded.btf;
    input.base = base->base.get();
    input.dedup_index = base->index.get();
    if (encoded.interned && base->base != nullptr) {
      steps.interned_forwards = encoded.forwards;
    } else {
      steps.interned_forwards.reset();
    }
    engine::FinalizeOutput output;
    const absl::Status finished =
        engine::Finalize(input, steps, &arena, &output);
    if (finished.ok() && !output.btf) {
      return absl::InternalError("the engine made no BTF");
    }
    if (finished.ok()) return *std::move(output.btf);
    if (output.failed_in != engine::FailedIn::kInterning) return finished;
    options.make_all = true;
  }
}

EncodeResult OurPahole::Run(const std::string& version,
                            const std::vector<std::string>& flags,
                            const std::string& base, const std::string& input,
                            const std::string& out) {
  if (other_program_ == "real") {
    return RunPahole(RealPahole(version, TestdataRoot() + "/peers"), flags,
                     base, input, out);
  }
  if (!other_program_.empty()) {
    return RunPahole({other_program_, "--pahole_version=" + version}, flags,
                     base, input, out);
  }
  std::vector<std::string> words = {"-J"};
  words.insert(words.end(), flags.begin(), flags.end());
  if (!base.empty()) words.push_back("--btf_base=" + base);
  words.push_back("--btf_encode_detached=" + out);
  words.push_back(input);
  absl::StatusOr<std::string> btf = Encode(version, words, base);
  EncodeResult result;
  result.exit_code = btf.ok() ? 0 : 1;
  if (btf.ok()) {
    result.btf = *std::move(btf);
  } else {
    result.err = btf.status().ToString();
  }
  return result;
}

std::string EncodeDifference(const EncodeResult& ours,
                             const EncodeResult& theirs,
                             const std::string& base) {
  if (theirs.exit_code >= 128) {
    return ours.exit_code > 0 && ours.exit_code < 126 && !ours.btf
               ? ""
               : absl::StrCat("theirs crashed; ours ends with ", ours.exit_code,
                              ours.btf ? " and leaves a file" : "");
  }
  std::string text;
  if (ours.btf.has_value() != theirs.btf.has_value()) {
    absl::StrAppend(&text, ours.btf ? "only ours" : "only theirs",
                    " leaves a file; ours says: ", ours.err,
                    "; theirs says: ", theirs.err, "\n");
  } else if (ours.btf) {
    absl::StrAppend(&text, DescribeBtfDifference(*ours.btf, *theirs.btf, base));
  }
  return text;
}

std::vector<std::string> JudgeCase(OurPahole* pahole, const Case& one,
                                   const Bases& bases, size_t* compared) {
  const ScratchDir scratch;
  for (const auto& [version, base] : bases) {
    WriteFile(scratch.file("base-" + version), base);
  }
  std::vector<std::string> differences;
  for (const Built& built : one.built) {
    WriteFile(scratch.file("object"), built.object);
    const std::vector<PaholeRun>& runs = RunsOf(built.runs);
    if (built.results.size() != runs.size()) {
      differences.push_back(one.name + " was made with other runs");
      continue;
    }
    for (size_t i = 0; i < runs.size(); ++i) {
      const PaholeRun& run = runs[i];
      const EncodeResult ours =
          pahole->Run(run.version, run.flags,
                      run.with_base ? scratch.file("base-" + run.version) : "",
                      scratch.file("object"), scratch.file("out"));
      const std::string difference = EncodeDifference(
          ours, built.results[i], run.with_base ? bases.at(run.version) : "");
      if (compared != nullptr) ++*compared;
      if (difference.empty()) continue;
      differences.push_back(absl::StrCat(one.name, ", ", built.build,
                                         ", pahole ", run.version, ", ",
                                         run.name, ": ", difference));
    }
  }
  return differences;
}

}  // namespace btfd::tests
