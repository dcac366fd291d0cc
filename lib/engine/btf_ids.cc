// SPDX-License-Identifier: Apache-2.0
//
// Symbols are grouped by (kind, name) once. Every later step then works on
// distinct names and on plain byte offsets, in the order in which upstream
// walks its trees: kind by kind, names descending.
#include "lib/engine/btf_ids.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/util/endian.h"
#include "lib/util/status_macros.h"

namespace btfd::engine {

namespace {

constexpr absl::string_view kPrefix = "__BTF_ID__";
// The kernel's KSYM_NAME_LEN: room for a name and its NUL.
constexpr size_t kMaxNameBytes = 512;

struct KindWord {
  absl::string_view word;
  IdKind kind;
  bool set8;
};
// In the order of trial; "set" would match "set8" too.
constexpr KindWord kKindWords[] = {
    {"struct", IdKind::kStruct, false},   {"union", IdKind::kUnion, false},
    {"typedef", IdKind::kTypedef, false}, {"func", IdKind::kFunc, false},
    {"set8", IdKind::kSet, true},         {"set", IdKind::kSet, false},
};

absl::string_view KindText(const IdName& name) {
  for (const KindWord& kind : kKindWords) {
    if (kind.kind == name.kind && kind.set8 == name.set8) return kind.word;
  }
  return "";
}

absl::Status Defect(absl::string_view symbol, uint64_t offset,
                    absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(".BTF_ids: symbol ", symbol, " at offset ",
                   static_cast<int64_t>(offset), ": ", what));
}

absl::Status OutOfBounds(const IdName& name, uint64_t offset, uint64_t size) {
  return absl::InvalidArgumentError(
      absl::StrCat(".BTF_ids: ", KindText(name), " ", name.name, " at offset ",
                   static_cast<int64_t>(offset),
                   " does not lie in the section of ", size, " bytes"));
}

// Of "__NAME__UNIQUE", what follows the kind word, gives NAME. Upstream takes
// the first two characters for the underscores that they should be, and cuts
// at the last "__" only if it is the last "_" as well.
std::optional<absl::string_view> TypeName(absl::string_view text) {
  if (text.size() <= 2 || text.size() - 2 >= kMaxNameBytes) return std::nullopt;
  text.remove_prefix(2);
  const size_t last = text.rfind('_');
  if (last == absl::string_view::npos || last == 0) return std::nullopt;
  if (text[last - 1] != '_') return std::nullopt;
  return text.substr(0, last - 1);
}

uint32_t Load(const char* bytes) {
  uint32_t word;
  memcpy(&word, bytes, sizeof(word));
  return word;
}

void SwapWords(char* bytes, size_t size) {
  for (size_t i = 0; i + 4 <= size; i += 4) {
    const uint32_t word = util::ByteSwap(Load(bytes + i));
    memcpy(bytes + i, &word, sizeof(word));
  }
}

// How upstream's sets compare ids: by their signed difference, which wraps.
int32_t Difference(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b);
}

// A merge sort that asks the questions of glibc's qsort(), in its order. For
// ids any stable sort would do; but overlapping symbols can put any words into
// a set, for which a wrapping difference is not an order.
template <typename Entry>
void MergeSort(Entry* entries, size_t count, Entry* scratch) {
  if (count <= 1) return;
  const size_t half = count / 2;
  MergeSort(entries, half, scratch);
  MergeSort(entries + half, count - half, scratch);
  size_t a = 0;
  size_t b = half;
  size_t out = 0;
  while (a < half && b < count) {
    const bool take_a = Difference(entries[a].id, entries[b].id) <= 0;
    scratch[out++] = entries[take_a ? a++ : b++];
  }
  std::copy(entries + a, entries + half, scratch + out);
  std::copy(scratch, scratch + out + (half - a), entries);
}

struct SetEntry {
  uint32_t id;
};
struct Set8Entry {
  uint32_t id;
  uint32_t flags;
};

}  // namespace

std::optional<IdKind> IdKindOf(btf::Kind kind) {
  switch (kind) {
    case btf::Kind::kStruct:
      return IdKind::kStruct;
    case btf::Kind::kUnion:
      return IdKind::kUnion;
    case btf::Kind::kTypedef:
      return IdKind::kTypedef;
    case btf::Kind::kFunc:
      return IdKind::kFunc;
    default:
      return std::nullopt;
  }
}

BtfIds::BtfIds(std::pmr::memory_resource* memory)
    : bytes_(memory),
      names_(memory),
      index_(memory),
      ordered_(memory),
      symbols_(memory),
      places_(memory),
      by_offset_(memory) {
  index_.reserve(kIdKinds);
  for (int kind = 0; kind < kIdKinds; ++kind) index_.emplace_back(memory, 0);
}

absl::StatusOr<BtfIds> BtfIds::Parse(const IdsSection& section,
                                     std::pmr::memory_resource* memory,
                                     util::WorkBudget* work) {
  BtfIds ids(memory);
  ids.work_ = work;
  ids.bytes_.assign(section.content.data(), section.content.size());
  ids.foreign_endian_ = section.foreign_endian;
  if (section.foreign_endian) SwapWords(ids.bytes_.data(), ids.bytes_.size());
  ids.symbols_.reserve(section.symbols.size());
  for (const IdSymbol& symbol : section.symbols) {
    RETURN_IF_ERROR(ids.AddSymbol(symbol, section.address));
  }
  ids.OrderNames();
  return ids;
}

absl::Status BtfIds::AddSymbol(const IdSymbol& symbol, uint64_t address) {
  const uint64_t offset = symbol.value - address;
  const absl::string_view whole(symbol.name.c_str());
  absl::string_view rest = whole;
  if (!absl::ConsumePrefix(&rest, kPrefix)) return absl::OkStatus();

  const KindWord* const word =
      std::find_if(std::begin(kKindWords), std::end(kKindWords),
                   [&](const KindWord& candidate) {
                     return absl::StartsWith(rest, candidate.word);
                   });
  if (word == std::end(kKindWords)) {
    return Defect(whole, offset,
                  "its kind is none of struct, union, typedef, func, set, "
                  "set8");
  }
  rest.remove_prefix(word->word.size());

  IdName name;
  name.kind = word->kind;
  if (word->kind != IdKind::kSet) {
    const std::optional<absl::string_view> text = TypeName(rest);
    if (!text.has_value()) {
      return Defect(whole, offset,
                    "its name is not of the form __NAME__UNIQUE with less "
                    "than 512 characters");
    }
    name.name = *text;
  } else {
    if (rest.size() <= 2) return Defect(whole, offset, "the set has no name");
    const uint64_t element = word->set8 ? 8 : 4;
    if (symbol.size < element) {
      return Defect(whole, offset,
                    absl::StrCat("its size, ", symbol.size,
                                 ", is less than the header of a set"));
    }
    name.name = rest.substr(2);
    name.set8 = word->set8;
    name.count = static_cast<uint32_t>(symbol.size / element - 1);
  }

  const auto [number, added] = index_[static_cast<int>(name.kind)].Insert(
      name.name, static_cast<uint32_t>(names_.size()));
  if (!added && name.kind == IdKind::kSet) {
    return Defect(whole, offset, "another set has the same name");
  }
  if (added) names_.push_back(name);
  if (names_[number].place_count >= kMaxPlaces) {
    return Defect(
        whole, offset,
        absl::StrCat(name.name, " has more than ", kMaxPlaces, " places"));
  }
  ++names_[number].place_count;
  ++symbol_count_[static_cast<int>(name.kind)];
  symbols_.push_back({offset, number});
  return absl::OkStatus();
}

void BtfIds::OrderNames() {
  ordered_.reserve(names_.size());
  uint32_t place = 0;
  for (IdName& name : names_) {
    name.first_place = place;
    place += name.place_count;
    name.place_count = 0;  // counted again below
    ordered_.push_back(&name);
  }
  places_.resize(place);
  for (uint32_t i = 0; i < symbols_.size(); ++i) {
    IdName& name = names_[symbols_[i].name];
    places_[name.first_place + name.place_count++] = i;
  }
  std::sort(ordered_.begin(), ordered_.end(),
            [](const IdName* a, const IdName* b) {
              return a->kind != b->kind ? a->kind < b->kind : a->name > b->name;
            });
}

IdName* BtfIds::Find(IdKind kind, absl::string_view name) {
  const uint32_t* number = index_[static_cast<int>(kind)].Find(name);
  return number == nullptr ? nullptr : &names_[*number];
}

void BtfIds::IndexByOffset() {
  if (!by_offset_.empty()) return;
  by_offset_.resize(symbols_.size());
  std::iota(by_offset_.begin(), by_offset_.end(), 0);
  std::stable_sort(by_offset_.begin(), by_offset_.end(),
                   [this](uint32_t a, uint32_t b) {
                     return symbols_[a].offset < symbols_[b].offset;
                   });
}

const IdName* BtfIds::NameAt(uint64_t offset) {
  IndexByOffset();
  size_t low = 0;
  size_t high = by_offset_.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const Symbol& symbol = symbols_[by_offset_[middle]];
    if (symbol.offset == offset) return &names_[symbol.name];
    if (symbol.offset > offset) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return nullptr;
}

absl::Status BtfIds::FollowResolvedSets(const btf::Btf& btf) {
  IndexByOffset();
  for (IdName* name : ordered_) {
    if (name->kind != IdKind::kSet) continue;
    FollowSet(name, btf);
    RETURN_IF_ERROR(Spend(0));
  }
  by_offset_.clear();  // offsets may have changed
  return absl::OkStatus();
}

// Where the entries of a set are, as byte offsets.
struct BtfIds::SetEntries {
  uint64_t first;
  uint64_t end;
  uint64_t stride;
};

void BtfIds::FollowSet(IdName* set, const btf::Btf& btf) {
  const std::optional<SetEntries> entries = EntriesOf(*set);
  if (!entries.has_value()) return;
  const std::vector<uint32_t> members = MembersOf(*entries);
  if (!Spend(members.size() + set->count).ok()) return;
  std::vector<uint64_t> moved(members.size(), 0);
  uint32_t zeros = 0;
  if (!MatchIds(*entries, btf, members, &moved, &zeros)) return;
  if (zeros == set->count) return;  // nothing was moved
  if (!MatchZeros(*entries, members, zeros, &moved)) return;
  for (size_t i = 0; i < members.size(); ++i) {
    symbols_[members[i]].offset = moved[i];
  }
  set->followed = true;
}

// Nothing for a set that is empty, not within the section, or that does not
// hold its symbol's count.
std::optional<BtfIds::SetEntries> BtfIds::EntriesOf(const IdName& set) const {
  const uint64_t stride = set.set8 ? 8 : 4;
  const uint64_t begin = place(set, 0);
  const uint64_t length = stride * (uint64_t{set.count} + 1);
  if (set.count == 0 || !InBounds(begin, length)) return std::nullopt;
  if (word(begin) != set.count) return std::nullopt;
  return SetEntries{begin + stride, begin + length, stride};
}

// The symbols inside a set, by name; those of one name by offset.
std::vector<uint32_t> BtfIds::MembersOf(const SetEntries& entries) const {
  std::vector<uint32_t> members;
  auto it =
      std::lower_bound(by_offset_.begin(), by_offset_.end(), entries.first,
                       [this](uint32_t symbol, uint64_t offset) {
                         return symbols_[symbol].offset < offset;
                       });
  for (; it != by_offset_.end() && symbols_[*it].offset < entries.end; ++it) {
    if (names_[symbols_[*it].name].kind != IdKind::kSet) members.push_back(*it);
  }
  std::stable_sort(members.begin(), members.end(),
                   [this](uint32_t a, uint32_t b) {
                     return symbols_[a].name < symbols_[b].name;
                   });
  return members;
}

// Gives each id that is not 0 to the next free member of its name: `moved` is
// the offset of each member then, 0 where it has none (no entry is at offset
// 0). Counts the ids that are 0. False if an id is none of this BTF, or if no
// member of its name is free.
bool BtfIds::MatchIds(const SetEntries& entries, const btf::Btf& btf,
                      const std::vector<uint32_t>& members,
                      std::vector<uint64_t>* moved, uint32_t* zeros) {
  for (uint64_t at = entries.first; at < entries.end; at += entries.stride) {
    const btf::TypeId id = word(at);
    if (id == 0) {
      ++*zeros;
      continue;
    }
    if (id >= btf.end_id()) return false;
    const std::optional<IdKind> kind = IdKindOf(btf.type(id).kind());
    if (!kind.has_value()) return false;
    const IdName* name = Find(*kind, btf.name(id));
    if (name == nullptr) return false;
    const uint32_t number = static_cast<uint32_t>(name - names_.data());
    size_t i = std::lower_bound(members.begin(), members.end(), number,
                                [this](uint32_t symbol, uint32_t wanted) {
                                  return symbols_[symbol].name < wanted;
                                }) -
               members.begin();
    while (i < members.size() && symbols_[members[i]].name == number &&
           (*moved)[i] != 0) {
      ++i;
    }
    if (i == members.size() || symbols_[members[i]].name != number) {
      return false;
    }
    (*moved)[i] = at;
  }
  return true;
}

// Gives the entries of id 0 to the members that have none, in their old order.
// False if there are fewer entries than such members.
bool BtfIds::MatchZeros(const SetEntries& entries,
                        const std::vector<uint32_t>& members, uint32_t zeros,
                        std::vector<uint64_t>* moved) const {
  std::vector<uint32_t> rest;
  for (uint32_t i = 0; i < members.size(); ++i) {
    if ((*moved)[i] == 0) rest.push_back(i);
  }
  if (rest.size() > zeros) return false;
  std::sort(rest.begin(), rest.end(), [&](uint32_t a, uint32_t b) {
    return symbols_[members[a]].offset < symbols_[members[b]].offset;
  });
  uint64_t at = entries.first;
  for (const uint32_t i : rest) {
    while (word(at) != 0) at += entries.stride;
    (*moved)[i] = at;
    at += entries.stride;
  }
  return true;
}

uint32_t BtfIds::word(uint64_t offset) const {
  return Load(bytes_.data() + offset);
}

void BtfIds::set_word(uint64_t offset, uint32_t value) {
  memcpy(bytes_.data() + offset, &value, sizeof(value));
}

absl::Status BtfIds::Patch(std::vector<std::string>* warnings) {
  for (const IdName* name : ordered_) {
    const bool is_set = name->kind == IdKind::kSet;
    if (!is_set && name->id == 0) {
      warnings->push_back(
          absl::StrCat("WARN: resolve_btfids: unresolved symbol ", name->name));
    }
    for (uint32_t i = 0; i < name->place_count; ++i) {
      // Upstream indexes words, so a misaligned symbol rounds down.
      const uint64_t at = place(*name, i) & ~uint64_t{3};
      if (!InBounds(at, 4)) return OutOfBounds(*name, place(*name, i), size());
      set_word(at, is_set ? name->count : name->id);
    }
  }
  for (const IdName* name : ordered_) {
    if (name->kind != IdKind::kSet) continue;
    RETURN_IF_ERROR(name->set8 ? SortSet<Set8Entry>(*name, 8)
                               : SortSet<SetEntry>(*name, 4));
  }
  return absl::OkStatus();
}

// Sorts as many entries as the count in the data says by now: an overlapping
// symbol may have changed it.
template <typename Entry>
absl::Status BtfIds::SortSet(const IdName& set, uint64_t header_bytes) {
  const uint64_t begin = place(set, 0);
  if (!InBounds(begin, header_bytes)) return OutOfBounds(set, begin, size());
  const uint64_t count = word(begin);
  const uint64_t length = count * sizeof(Entry);
  if (!InBounds(begin + header_bytes, length)) {
    return absl::InvalidArgumentError(absl::StrCat(
        ".BTF_ids: ", KindText(set), " ", set.name, " at offset ", begin,
        " has ", count, " entries, which do not fit the section of ", size(),
        " bytes"));
  }
  if (count == 0) return absl::OkStatus();
  RETURN_IF_ERROR(Spend(count));
  // Given back at once: a hostile section has many sets as long as itself.
  std::vector<Entry> entries(count);
  std::vector<Entry> scratch(count);
  char* const data = bytes_.data() + begin + header_bytes;
  memcpy(entries.data(), data, length);
  MergeSort(entries.data(), count, scratch.data());
  memcpy(data, entries.data(), length);
  return absl::OkStatus();
}

std::string BtfIds::Content() const {
  std::string content(bytes_);
  if (foreign_endian_) SwapWords(content.data(), content.size());
  return content;
}

}  // namespace btfd::engine
