// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/testing/ids_builder.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "lib/util/endian.h"

namespace btfd::engine::testing {

IdsBuilder& IdsBuilder::Single(const std::string& kind,
                               const std::string& name) {
  Symbol(absl::StrCat("__BTF_ID__", kind, "__", name, "__", ++unique_),
         offset(), 4);
  return Word(0);
}

IdsBuilder& IdsBuilder::BeginSet(const std::string& name) {
  set8_ = false;
  set_symbol_ = symbols_.size();
  Symbol(absl::StrCat("__BTF_ID__set__", name), offset(), 0);
  return Word(0);
}

IdsBuilder& IdsBuilder::BeginSet8(const std::string& name, uint32_t set_flags) {
  set8_ = true;
  set_symbol_ = symbols_.size();
  Symbol(absl::StrCat("__BTF_ID__set8__", name), offset(), 0);
  return Word(0).Word(set_flags);
}

IdsBuilder& IdsBuilder::Entry(const std::string& kind, const std::string& name,
                              uint32_t flags) {
  Single(kind, name);
  if (set8_) Word(flags);
  return *this;
}

IdsBuilder& IdsBuilder::EntryWithoutSymbol(uint32_t flags) {
  Word(0);
  if (set8_) Word(flags);
  return *this;
}

IdsBuilder& IdsBuilder::EndSet() {
  IdSymbol& set = symbols_[set_symbol_];
  set.size = address_ + offset() - set.value;
  return *this;
}

IdsBuilder& IdsBuilder::Word(uint32_t value) {
  words_.push_back(value);
  return *this;
}

IdsBuilder& IdsBuilder::Symbol(const std::string& name, uint64_t offset,
                               uint64_t size) {
  symbols_.push_back({name, address_ + offset, size});
  return *this;
}

IdsSection IdsBuilder::Build(bool big_endian) const {
  IdsSection section;
  for (uint32_t word : words_) {
    if (big_endian) word = util::ByteSwap(word);
    section.content.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  section.address = address_;
  section.foreign_endian = big_endian;
  section.symbols = symbols_;
  return section;
}

std::vector<uint32_t> WordsOf(const std::string& content, bool big_endian) {
  std::vector<uint32_t> words(content.size() / 4);
  memcpy(words.data(), content.data(), words.size() * 4);
  if (big_endian) {
    for (uint32_t& word : words) word = util::ByteSwap(word);
  }
  return words;
}

}  // namespace btfd::engine::testing
