// SPDX-License-Identifier: Apache-2.0
#include "tests/support/module_input.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory_resource>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/btf/btf.h"
#include "lib/elf/module_file.h"
#include "lib/util/status_macros.h"
#include "tests/support/process.h"

namespace btfd::tests {

engine::FinalizeInput ModuleInput::ForEngine() const {
  engine::FinalizeInput input;
  input.btf = btf;
  input.distilled_base = distilled_base;
  input.ids = ids;
  return input;
}

absl::StatusOr<ModuleInput> ReadModuleInput(const std::string& path) {
  ASSIGN_OR_RETURN(const elf::ModuleFile file, elf::ModuleFile::Open(path));
  ModuleInput module;
  module.path = path;
  if (file.btf()) module.btf = std::string(file.btf()->content);
  if (file.btf_base()) {
    module.distilled_base = std::string(file.btf_base()->content);
  }
  if (file.has_ids() && !file.btf_ids()->content.empty()) {
    engine::IdsSection ids;
    ids.content = std::string(file.btf_ids()->content);
    ids.address = file.btf_ids()->header.sh_addr;
    ids.foreign_endian = file.form().big_endian;
    ASSIGN_OR_RETURN(const auto symbols, file.IdSymbols());
    for (const elf::IdSymbol& symbol : symbols) {
      ids.symbols.push_back(
          {std::string(symbol.name), symbol.value, symbol.size});
    }
    module.ids = std::move(ids);
  }
  return module;
}

absl::Status WriteModuleWithZeroedIds(const std::string& from,
                                      const std::string& to) {
  ASSIGN_OR_RETURN(const ModuleInput module, ReadModuleInput(from));
  if (!module.ids) return absl::NotFoundError(from + ": no .BTF_ids");
  ASSIGN_OR_RETURN(const elf::ModuleFile file, elf::ModuleFile::Open(from));
  std::string bytes(file.bytes());
  const uint64_t section = file.btf_ids()->header.sh_offset;
  for (const engine::IdSymbol& symbol : module.ids->symbols) {
    // An id, or the count of a set.
    std::memset(&bytes[section + symbol.value - module.ids->address], 0, 4);
  }
  WriteFile(to, bytes);
  return absl::OkStatus();
}

std::string WithoutDeclTags(const std::string& btf, const btf::Base* base) {
  std::pmr::memory_resource* memory = std::pmr::new_delete_resource();
  auto parsed = btf::Btf::Parse(btf, base, ".BTF", memory);
  if (!parsed.ok()) {
    std::cerr << parsed.status() << std::endl;
    std::abort();
  }
  // No type refers to a DECL_TAG, so the other types only move up.
  btf::Btf::Words words(memory);
  btf::Btf::Words offsets(memory);
  std::vector<btf::TypeId> new_ids;
  btf::TypeId next = parsed->first_id();
  for (btf::TypeId id = parsed->first_id(); id < parsed->end_id(); ++id) {
    const bool dropped = parsed->own_type(id).kind() == btf::Kind::kDeclTag;
    new_ids.push_back(dropped ? 0 : next++);
  }
  for (btf::TypeId id = parsed->first_id(); id < parsed->end_id(); ++id) {
    if (parsed->own_type(id).kind() == btf::Kind::kDeclTag) continue;
    btf::ForEachTypeField(parsed->mutable_own_type(id), [&](uint32_t& field) {
      if (parsed->is_own(field)) field = new_ids[field - parsed->first_id()];
    });
    offsets.push_back(static_cast<uint32_t>(words.size()));
    const auto* record =
        reinterpret_cast<const uint32_t*>(&parsed->own_type(id));
    words.insert(words.end(), record, record + parsed->own_type_words(id));
  }
  offsets.push_back(static_cast<uint32_t>(words.size()));
  parsed->ReplaceTypes(std::move(words), std::move(offsets));
  std::string bytes;
  parsed->Serialize(&bytes);
  return bytes;
}

}  // namespace btfd::tests
