// SPDX-License-Identifier: Apache-2.0
//
// What CO-RE needs to know of a BPF object file: its types and its relocations,
// out of the contents of its sections .BTF and .BTF.ext, in either byte order.
// Source of the format: Linux Documentation/bpf/btf.rst (".BTF.ext section").
//
// libbpf's btf_ext__new() reads .BTF.ext, but its public calls give the raw
// bytes back and no relocation, and its errors name no place. So the section is
// read here.
#ifndef BTFD_LIB_CORE_PROGRAM_H_
#define BTFD_LIB_CORE_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/core/relocation.h"

namespace btfd::core {

// Immutable, so that many kernels can be asked about one program at once.
class Program {
 public:
  // `name` is what messages call it. `pointer_size` is 8 for an ELF file of 64
  // bits and 4 for one of 32. The bytes need not outlive the call. Errors are
  // InvalidArgument and name the program, the section and the offset.
  static absl::StatusOr<Program> Parse(std::string name, absl::string_view btf,
                                       absl::string_view btf_ext,
                                       uint32_t pointer_size);

  const std::string& name() const { return name_; }
  const btf::Btf& types() const { return types_; }
  uint32_t pointer_size() const { return pointer_size_; }
  // In the order of the file. Types and strings are within types().
  const std::vector<Relocation>& relocations() const { return relocations_; }
  // Of both sections, in bytes.
  uint64_t size() const { return size_; }

  // InvalidArgument: which relocation of which program it is, and `defect`.
  absl::Status BadRelocation(const Relocation& relocation,
                             absl::string_view defect) const;

 private:
  Program(std::string name, btf::Btf types)
      : name_(std::move(name)), types_(std::move(types)) {}

  std::string name_;
  btf::Btf types_;
  uint32_t pointer_size_ = 8;
  uint64_t size_ = 0;
  std::vector<Relocation> relocations_;
};

}  // namespace btfd::core

#endif  // BTFD_LIB_CORE_PROGRAM_H_
