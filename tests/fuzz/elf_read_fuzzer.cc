// SPDX-License-Identifier: Apache-2.0
//
// Reads hostile ELF files, in every way in which the client reads a module; and
// the same bytes as a kernel that is laid out as in memory.
#include "lib/elf/flat_image.h"
#include "lib/elf/module_file.h"
#include "lib/util/file.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto btf = elf::FindBtf(bytes)) {
    if (btf->data() < bytes.data() ||
        btf->data() + btf->size() > bytes.data() + bytes.size()) {
      __builtin_trap();
    }
  }
  elf::FlatImageName(bytes);
  elf::ZbootPayload(bytes);
  auto file = elf::ModuleFile::FromBytes(
      util::UniqueFd(), util::FileBytes::Copy(bytes), "fuzzed.ko");
  if (!file.ok()) return 0;
  size_t sum = 0;
  for (uint32_t i = 0; i < file->section_count(); ++i) {
    const elf::Section section = file->section(i);
    sum += section.name.size() + section.content.size();
    // A section's content must be a view of the file.
    const absl::string_view all = file->bytes();
    if (!section.content.empty() &&
        (section.content.data() < all.data() ||
         section.content.data() + section.content.size() >
             all.data() + all.size())) {
      __builtin_trap();
    }
    if (!section.content.empty()) sum += section.content.back();
  }
  if (auto btf = file->BtfContent(); btf.ok()) sum += btf->size();
  if (auto base = file->BtfBaseContent(); base.ok()) sum += base->size();
  if (auto symbols = file->IdSymbols(); symbols.ok()) {
    for (const elf::IdSymbol& symbol : *symbols) {
      for (char c : symbol.name) sum += static_cast<unsigned char>(c);
    }
  }
  sum += file->has_signature();
  if (auto payload = file->PayloadSize(); payload.ok()) sum += *payload;
  volatile size_t sink = sum;
  static_cast<void>(sink);
  return 0;
}
