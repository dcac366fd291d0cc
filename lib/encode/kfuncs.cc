// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/kfuncs.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace btfd::encode {

namespace {

// include/linux/btf_ids.h: a set of kfuncs is its count, its flags, and pairs
// of an id and flags. A set is one of kfuncs if bit 0 of its flags is set.
constexpr absl::string_view kSet8 = "__BTF_ID__set8__";
constexpr absl::string_view kFunc = "__BTF_ID__func__";
constexpr uint32_t kSetIsKfuncs = 1;

struct Range {
  uint64_t begin;
  uint64_t end;
};

}  // namespace

std::vector<Kfunc> FindKfuncs(const dwarf::Object& object) {
  std::vector<Kfunc> kfuncs;
  uint32_t ids = 0;
  for (uint32_t i = 1; i < object.sections().size(); ++i) {
    if (object.sections()[i].name == ".BTF_ids") ids = i;
  }
  if (ids == 0) return kfuncs;
  const dwarf::ObjectSection& section = object.sections()[ids];
  // A symbol's place in the section.
  const auto place = [&](const dwarf::Symbol& symbol) {
    return object.relocatable() ? symbol.value : symbol.value - section.address;
  };
  const auto word = [&](uint64_t offset, bool* good) {
    dwarf::Reader reader(section.content, object.big_endian());
    reader.Seek(offset);
    const uint32_t value = reader.U32();
    *good = !reader.failed();
    return value;
  };
  std::vector<Range> sets;
  for (const dwarf::Symbol& symbol : object.symbols()) {
    if (symbol.section != ids || !absl::StartsWith(symbol.name, kSet8)) {
      continue;
    }
    bool good;
    const uint64_t start = place(symbol);
    const uint32_t flags = word(start + 4, &good);
    if (good && (flags & kSetIsKfuncs) != 0) {
      sets.push_back({start, start + symbol.size});
    }
  }
  for (const dwarf::Symbol& symbol : object.symbols()) {
    absl::string_view name = symbol.name;
    if (symbol.section != ids || !absl::ConsumePrefix(&name, kFunc)) continue;
    const uint64_t at = place(symbol);
    bool inside = false;
    for (const Range& set : sets) inside |= at >= set.begin && at < set.end;
    const size_t number = name.rfind("__");
    if (!inside || number == absl::string_view::npos) continue;
    bool good;
    const uint32_t flags = word(at + 4, &good);
    if (good) kfuncs.push_back({name.substr(0, number), flags});
  }
  return kfuncs;
}

}  // namespace btfd::encode
