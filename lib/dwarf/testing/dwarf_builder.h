// SPDX-License-Identifier: Apache-2.0
//
// Makes small ELF files with DWARF 5 for tests:
//
//   DwarfBuilder dwarf;
//   dwarf.BeginUnit();
//   dwarf.Leaf(kTagBaseType, {Text(kAtName, "int"), Number(kAtByteSize, 4),
//                             Number(kAtEncoding, kAteSigned)}, "int");
//   dwarf.Begin(kTagStructureType, {Text(kAtName, "s"), Number(kAtByteSize,
//   4)}); dwarf.Leaf(kTagMember, {Text(kAtName, "x"), To(kAtType, "int"),
//                           Number(kAtDataMemberLocation, 0)});
//   dwarf.End();
//   dwarf.EndUnit();
//   const std::string elf = dwarf.Build();
//
// The last argument labels a DIE; To() refers to a label of the same unit,
// which may come later.
#ifndef BTFD_LIB_DWARF_TESTING_DWARF_BUILDER_H_
#define BTFD_LIB_DWARF_TESTING_DWARF_BUILDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/dwarf/constants.h"
#include "lib/elf/testing/elf_builder.h"

namespace btfd::dwarf {

struct BuiltAttribute {
  uint16_t attribute;
  uint16_t form;
  uint64_t number = 0;
  std::string text;  // a text, the bytes of an expression, or a label
};

// Forms that compilers use: strp, udata, flag_present, exprloc, ref4, addr.
// Others are made by hand: string, data1, data2, data4, and implicit_const of
// numbers below 64.
BuiltAttribute Text(uint16_t attribute, std::string text);
BuiltAttribute Number(uint16_t attribute, uint64_t number);
BuiltAttribute Flag(uint16_t attribute);
BuiltAttribute Location(uint16_t attribute, std::string expression);
BuiltAttribute To(uint16_t attribute, std::string label);
BuiltAttribute Address(uint16_t attribute, uint64_t address);

class DwarfBuilder {
 public:
  void BeginUnit(uint16_t language = 0x1d, std::string producer = "GNU C11");
  void EndUnit();
  void Begin(uint16_t tag, const std::vector<BuiltAttribute>& attributes,
             const std::string& label = "");
  void End();
  void Leaf(uint16_t tag, const std::vector<BuiltAttribute>& attributes,
            const std::string& label = "");

  // For symbols and further sections.
  elf::ElfBuilder& elf() { return elf_; }
  // The sections so far, for tests that damage them.
  std::string& info() { return info_; }
  std::string& abbrev() { return abbrev_; }
  std::string Build();

 private:
  void Die(uint16_t tag, const std::vector<BuiltAttribute>& attributes,
           const std::string& label, bool has_children);

  elf::ElfBuilder elf_;
  std::string info_;
  std::string abbrev_;
  std::string str_ = std::string(1, '\0');
  std::map<std::string, uint32_t> texts_;
  size_t unit_ = 0;  // where its header is
  uint32_t codes_ = 0;
  std::map<std::string, uint32_t> labels_;  // offsets in the unit
  std::vector<std::pair<size_t, std::string>> references_;
};

}  // namespace btfd::dwarf

#endif  // BTFD_LIB_DWARF_TESTING_DWARF_BUILDER_H_
