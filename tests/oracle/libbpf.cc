// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/libbpf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <cstring>

namespace btfd::btf::testing {

std::unique_ptr<LibbpfBtf> LibbpfBtf::Load(absl::string_view raw,
                                           const LibbpfBtf* base) {
  libbpf_set_print(nullptr);
  const auto size = static_cast<uint32_t>(raw.size());
  struct ::btf* btf = base != nullptr
                          ? btf__new_split(raw.data(), size, base->btf_)
                          : btf__new(raw.data(), size);
  // An overflown record size comes back as a negative int in pointer's
  // clothes.
  if (btf == nullptr || reinterpret_cast<intptr_t>(btf) < 0) return nullptr;
  return std::unique_ptr<LibbpfBtf>(
      new LibbpfBtf(btf, base != nullptr ? base->end_id() : 1));
}

LibbpfBtf::~LibbpfBtf() { btf__free(btf_); }

uint32_t LibbpfBtf::end_id() const { return btf__type_cnt(btf_); }

std::string LibbpfBtf::Raw() const {
  uint32_t size = 0;
  const void* data = btf__raw_data(btf_, &size);
  if (data == nullptr) return "(libbpf gave no raw data)";
  return std::string(static_cast<const char*>(data), size);
}

int LibbpfBtf::AddString(const std::string& text) {
  return btf__add_str(btf_, text.c_str());
}
int LibbpfBtf::FindString(const std::string& text) {
  return btf__find_str(btf_, text.c_str());
}
int LibbpfBtf::AddPtr(TypeId to) {
  return btf__add_ptr(btf_, static_cast<int>(to));
}
int LibbpfBtf::AddInt(const std::string& name) {
  return btf__add_int(btf_, name.c_str(), 4, BTF_INT_SIGNED);
}

int LibbpfBtf::Permute(const std::vector<uint32_t>& new_index) {
  std::vector<uint32_t> map;
  if (first_id_ == 1) map.push_back(0);
  for (const uint32_t index : new_index) map.push_back(first_id_ + index);
  return btf__permute(btf_, map.data(), static_cast<uint32_t>(map.size()),
                      nullptr);
}

int LibbpfBtf::FindByName(Kind kind, const std::string& name) const {
  return btf__find_by_name_kind(btf_, name.c_str(),
                                static_cast<uint32_t>(kind));
}

std::string ReadBtfSection(const std::string& path) {
  std::string content;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return content;
  elf_version(EV_CURRENT);
  Elf* elf = elf_begin(fd, ELF_C_READ, nullptr);
  size_t names = 0;
  if (elf != nullptr && elf_getshdrstrndx(elf, &names) == 0) {
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf, section)) != nullptr) {
      GElf_Shdr header;
      if (gelf_getshdr(section, &header) == nullptr) continue;
      const char* name = elf_strptr(elf, names, header.sh_name);
      if (name == nullptr || strcmp(name, ".BTF") != 0) continue;
      const Elf_Data* data = elf_rawdata(section, nullptr);
      if (data != nullptr && data->d_buf != nullptr) {
        content.assign(static_cast<const char*>(data->d_buf), data->d_size);
      }
    }
  }
  elf_end(elf);
  close(fd);
  return content;
}

}  // namespace btfd::btf::testing
