// SPDX-License-Identifier: Apache-2.0
//
// Writes .BTF_ids for tests, as the compiler leaves it:
//
//   IdsBuilder ids;
//   ids.BeginSet8("my_kfuncs", kSet8Kfuncs);
//   ids.Entry("func", "bpf_foo", kKfImplicitArgs);
//   ids.EndSet();
//   ids.Single("struct", "sk_buff");
//   const IdsSection section = ids.Build();
//
// It checks nothing: symbols that make no sense can be added as well.
#ifndef BTFD_LIB_ENGINE_TESTING_IDS_BUILDER_H_
#define BTFD_LIB_ENGINE_TESTING_IDS_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/engine/pipeline.h"

namespace btfd::engine::testing {

class IdsBuilder {
 public:
  explicit IdsBuilder(uint64_t address = 0) : address_(address) {}

  // Offset of the next word.
  uint64_t offset() const { return 4 * words_.size(); }

  // One word with its symbol.
  IdsBuilder& Single(const std::string& kind, const std::string& name);
  IdsBuilder& BeginSet(const std::string& name);
  IdsBuilder& BeginSet8(const std::string& name, uint32_t set_flags = 0);
  // In the set; in a plain one, without flags.
  IdsBuilder& Entry(const std::string& kind, const std::string& name,
                    uint32_t flags = 0);
  // BTF_ID_UNUSED, or an entry whose symbol was lost.
  IdsBuilder& EntryWithoutSymbol(uint32_t flags = 0);
  IdsBuilder& EndSet();

  IdsBuilder& Word(uint32_t value);
  // Any symbol, whole name.
  IdsBuilder& Symbol(const std::string& name, uint64_t offset, uint64_t size);

  IdsSection Build(bool big_endian = false) const;

 private:
  uint64_t address_;
  std::vector<uint32_t> words_;
  std::vector<IdSymbol> symbols_;
  size_t set_symbol_ = 0;
  bool set8_ = false;
  int unique_ = 0;
};

// The words of a section, in host order.
std::vector<uint32_t> WordsOf(const std::string& content,
                              bool big_endian = false);

}  // namespace btfd::engine::testing

#endif  // BTFD_LIB_ENGINE_TESTING_IDS_BUILDER_H_
