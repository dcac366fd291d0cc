// SPDX-License-Identifier: Apache-2.0
#include "lib/core/testing/program_builder.h"

#include <stdio.h>
#include <stdlib.h>

#include <utility>

namespace btfd::core::testing {

void ProgramBuilder::Relocate(btf::TypeId type, const std::string& access,
                              RelocationKind kind, const std::string& section) {
  const auto number = static_cast<uint32_t>(records_.size());
  records_.push_back(
      {types.String(section),
       {number * 8, type, types.String(access), static_cast<uint32_t>(kind)}});
}

std::string ProgramBuilder::Ext(uint32_t record_size) {
  const bool big_endian = types.form().big_endian;
  std::string bytes;
  const auto add = [&](uint32_t word, int size = 4) {
    for (int i = 0; i < size; ++i) {
      bytes.push_back(
          static_cast<char>(word >> 8 * (big_endian ? size - 1 - i : i)));
    }
  };
  std::string list;
  std::swap(list, bytes);
  add(record_size);
  for (size_t i = 0; i < records_.size();) {
    size_t end = i;
    while (end < records_.size() &&
           records_[end].section == records_[i].section) {
      ++end;
    }
    add(records_[i].section);
    add(static_cast<uint32_t>(end - i));
    for (; i < end; ++i) {
      for (const uint32_t word : records_[i].words) add(word);
      bytes.append(record_size - 16, '\xff');
    }
  }
  std::swap(list, bytes);
  if (records_.empty()) list.clear();
  add(btf::kMagic, 2);
  add(btf::kVersion, 1);
  add(0, 1);
  add(32);
  for (int i = 0; i < 5; ++i) add(0);
  add(static_cast<uint32_t>(list.size()));
  return bytes + list;
}

Program ProgramBuilder::Build(const std::string& name) {
  const std::string ext = Ext();
  auto program = Program::Parse(name, types.Build(), ext, 8);
  if (!program.ok()) {
    fprintf(stderr, "%s\n", program.status().ToString().c_str());
    abort();
  }
  return *std::move(program);
}

}  // namespace btfd::core::testing
