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
  // Names of forward declarations, and of more than one struct or union.
  std::vector<std::string> uncertain;
};

namespace {

std::vector<std::string> UncertainNames(const btf::Base& base) {
  std::map<std::string, int> meanings;
  for (btf::TypeId id = 1; id < base.end_id(); ++id) {
    const btf::TypeRecord& type = base.type(id);
    if (type.name_off == 0) continue;
    if (type.kind() == btf::Kind::kFwd)
      meanings[base.string(type.name_off)] += 2;
    if (btf::IsComposite(type.kind())) ++meanings[base.string(type.name_off)];
  }
  std::vector<std::string> names;
  for (const auto& [name, count] : meanings) {
    if (count > 1) names.push_back(name);
  }
  return names;
}

// True if a name of `pairs` (of the residue) has more than one definition in
// base and result together.
absl::StatusOr<bool> IsUncertain(const encode::Encoded& encoded,
                                 const std::string& result,
                                 const btf::Base* base,
                                 std::pmr::memory_resource* memory) {
  if (encoded.pairs.empty()) return false;
  ASSIGN_OR_RETURN(const btf::Btf residue,
                   btf::Btf::Parse(encoded.btf, nullptr, "residue", memory));
  ASSIGN_OR_RETURN(const btf::Btf btf,
                   btf::Btf::Parse(result, base, ".BTF", memory));
  std::map<std::string, size_t> definitions;
  for (const uint32_t id : encoded.pairs) definitions[residue.name(id)] = 0;
  for (btf::TypeId id = btf.first_id(); id < btf.end_id(); ++id) {
    if (!btf::IsComposite(btf.type(id).kind())) continue;
    const auto found = definitions.find(btf.name(id));
    if (found != definitions.end()) ++found->second;
  }
  for (auto& [name, count] : definitions) {
    if (base != nullptr) {
      count += base->FindByName(btf::Kind::kStruct, name).size() +
               base->FindByName(btf::Kind::kUnion, name).size();
    }
    if (count > 1) return true;
  }
  return false;
}

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
  indexed->uncertain = UncertainNames(*indexed->base);
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
  options.uncertain_names = base->uncertain;
  // If one unit contains a type twice, libbpf before 1.7 does not find it in
  // the base (dedup/rules.h: IdentityRule). So nothing may be left out.
  if (base->base != nullptr && *steps.encoded < engine::LibbpfRules::k1_7) {
    options.make_all = true;
  }
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
    engine::FinalizeOutput output;
    RETURN_IF_ERROR(engine::Finalize(input, steps, &arena, &output));
    if (!output.btf) return absl::InternalError("the engine made no BTF");
    ASSIGN_OR_RETURN(
        const bool uncertain,
        IsUncertain(encoded, *output.btf, base->base.get(), &arena));
    if (!uncertain || options.make_all) return *std::move(output.btf);
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
