// SPDX-License-Identifier: Apache-2.0
//
// Encoding hostile DWARF: an ELF file whose every part may lie, by the rules of
// each pahole. What comes out is a BTF that can be parsed and deduplicated.
//
// Input: a byte for version and options, then the ELF file.
#include <cstdlib>
#include <string>
#include <vector>

#include "lib/btf/btf.h"
#include "lib/dwarf/object.h"
#include "lib/elf/module_file.h"
#include "lib/encode/call.h"
#include "lib/encode/encoder.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "tests/fuzz/input.h"

namespace {

using btfd::encode::PaholeVersion;

struct Rules {
  PaholeVersion version;
  btfd::engine::LibbpfRules libbpf;
};
constexpr Rules kRules[] = {
    {PaholeVersion::k1_32, btfd::engine::LibbpfRules::k1_7},
    {PaholeVersion::k1_24, btfd::engine::LibbpfRules::k1_1},
    {PaholeVersion::k1_30, btfd::engine::LibbpfRules::k1_5},
    {PaholeVersion::k1_31, btfd::engine::LibbpfRules::k1_5},
};

std::vector<std::string> Words(uint8_t options) {
  std::vector<std::string> words = {"-J"};
  if ((options & 4) != 0) {
    words.push_back("--btf_gen_floats");
    words.push_back("--lang_exclude=rust");
  } else {
    words.push_back(
        (options & 8) != 0
            ? "--btf_features=default,global_var"
            : "--btf_features=encode_force,var,float,enum64,decl_tag,"
              "type_tag,optimized_func,consistent_func,decl_tag_kfuncs");
  }
  words.push_back("--btf_encode_detached=out");
  words.push_back("fuzzed.ko");
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd;
  if (size == 0) return 0;
  const uint8_t options = data[0];
  const Rules& rules = kRules[options & 3];
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  auto file = elf::ModuleFile::FromBytes(
      util::UniqueFd(), util::FileBytes::Copy(bytes), "fuzzed.ko");
  if (!file.ok()) return 0;
  // 1.24 does not know --btf_features.
  auto call = encode::ParsePaholeCall(Words(options), rules.version, "");
  if (!call.ok() || !call->has_value()) return 0;
  auto object = dwarf::Object::Open(*file);
  if (!object.ok()) return 0;
  encode::EncodeOptions encode_options = (*call)->options;
  encode_options.make_all = (options & 16) != 0;
  auto encoded = encode::Encode(**object, encode_options);
  if (!encoded.ok() || encoded->btf.empty()) return 0;

  util::Arena arena;
  if (!btf::Btf::Parse(encoded->btf, nullptr, "residue", &arena).ok()) {
    std::abort();
  }
  engine::FinalizeInput input;
  input.btf = encoded->btf;
  engine::Steps steps;
  steps.encoded = rules.libbpf;
  engine::FinalizeOutput output;
  if (!engine::Finalize(input, steps, &arena, &output).ok()) return 0;
  if (!output.btf ||
      !btf::Btf::Parse(*output.btf, nullptr, ".BTF", &arena).ok()) {
    std::abort();
  }
  return 0;
}
