// SPDX-License-Identifier: Apache-2.0
#include "tests/core/objects.h"

#include <stdio.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/elf/bpf_object.h"
#include "lib/util/status_macros.h"
#include "tests/support/process.h"

namespace btfd::tests {

namespace {

constexpr char kDirectory[] = "tests/core/programs/";

}  // namespace

std::vector<std::string> BpfObjects(bool big_endian) {
  std::vector<std::string> paths;
  const std::string ending = big_endian ? ".bpfeb.o" : ".bpf.o";
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    if (absl::EndsWith(entry.path().string(), ending)) {
      paths.push_back(entry.path().string());
    }
  }
  if (paths.empty()) {
    fprintf(stderr, "no object files in %s\n", kDirectory);
    abort();
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string BpfObject(const std::string& name, bool big_endian) {
  return absl::StrCat(kDirectory, name, big_endian ? ".bpfeb.o" : ".bpf.o");
}

absl::StatusOr<core::Program> ReadProgram(const std::string& path) {
  ASSIGN_OR_RETURN(const elf::BpfObject object, elf::ReadBpfObject(path));
  return core::Program::Parse(path, object.btf, object.btf_ext,
                              object.pointer_size);
}

std::string WithMatches(const std::string& path) {
  std::string bytes = ReadFileOrEmpty(path);
  const auto object = elf::ReadBpfObject(path);
  const auto program = ReadProgram(path);
  if (!object.ok() || !program.ok()) return "";
  const size_t ext = object->btf_ext.data() - object->file.bytes().data();
  for (const core::Relocation& relocation : program->relocations()) {
    if (relocation.kind != core::RelocationKind::kTypeExists) continue;
    // Of either byte order: the number is in one byte.
    for (int i = 0; i < 4; ++i) {
      char& byte = bytes[ext + relocation.place + 12 + i];
      if (byte != 0) {
        byte = static_cast<char>(core::RelocationKind::kTypeMatches);
      }
    }
  }
  return bytes;
}

}  // namespace btfd::tests
