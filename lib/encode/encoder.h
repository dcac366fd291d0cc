// SPDX-License-Identifier: Apache-2.0
//
// DWARF to BTF, as pahole -J does it: the same types, functions, variables and
// strings in the same order. What comes out is not deduplicated yet, but what
// would be dropped for certain was not made at all; engine::Steps::encoded puts
// it over a base and deduplicates, which makes pahole's bytes of it.
//
// Pure: bytes in, bytes out; no files and no globals.
#ifndef BTFD_LIB_ENCODE_ENCODER_H_
#define BTFD_LIB_ENCODE_ENCODER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/dwarf/object.h"
#include "lib/encode/functions.h"
#include "lib/encode/interner.h"
#include "lib/encode/kfuncs.h"
#include "lib/encode/rules.h"

namespace btfd::encode {

struct EncodeOptions {
  PaholeVersion version = PaholeVersion::k1_32;
  Features features;
  std::vector<uint16_t> excluded_languages;  // DW_LANG_ numbers
  // Make every type of every unit: the same in the end, for certain, but what
  // comes out is ten to fifty times larger.
  bool make_all = false;
  // What is to be known of the base, so that types can be left out.
  BaseNames base;
  // Units read at once.
  int threads = 1;
  // See GiveBackFn in unit_reader.h. May be null.
  std::function<void(absl::string_view)> done_with;
};

struct MissingKfunc {
  std::string name;
  std::string reason;  // in the words of SkipReasonText, or "no DWARF for it"
};

struct Encoded {
  // A BTF without a base, with a 24-byte header in the file's byte order. Empty
  // where there is nothing to encode.
  std::string btf;
  // Lines for stderr, without the newline.
  std::vector<std::string> messages;
  std::vector<SkippedFunction> skipped;
  std::vector<MissingKfunc> missing_kfuncs;
  // Whether types that were there already were left out. Then whoever has the
  // base has to say whether that makes no difference
  // (lib/engine/interning_check.h); else encode once more, with make_all.
  bool interned = false;
  // If so: the ids in `btf` of forward declarations of what the file defines,
  // too.
  std::vector<uint32_t> forwards;
  uint64_t units = 0;
  uint64_t types_met = 0;   // in all units
  uint64_t types_made = 0;  // records in `btf`
  Interner::Stats interner;
};

// Errors:
//   NotFound            there is no DWARF, or no symbol table that is needed
//   InvalidArgument     the DWARF is defective; names section and offset
//   Unimplemented       pahole may know it, this does not
//   FailedPrecondition  pahole's own run fails: BTF cannot say what is there
//   ResourceExhausted   what would come out does not fit the format
absl::StatusOr<Encoded> Encode(const dwarf::Object& object,
                               const EncodeOptions& options);

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_ENCODER_H_
