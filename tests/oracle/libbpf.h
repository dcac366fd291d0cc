// SPDX-License-Identifier: Apache-2.0
//
// libbpf as the judge of what a Btf does, behind an interface of our own, so
// that a test sees one set of names. Link one libbpf to a binary.
#ifndef BTFD_TESTS_ORACLE_LIBBPF_H_
#define BTFD_TESTS_ORACLE_LIBBPF_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/btf/format.h"

struct btf;  // libbpf's

namespace btfd::btf::testing {

class LibbpfBtf {
 public:
  // Null where libbpf rejects the bytes, or crashes on them by a known defect
  // (a record size that overflows). `base` must outlive the result.
  static std::unique_ptr<LibbpfBtf> Load(absl::string_view raw,
                                         const LibbpfBtf* base);
  ~LibbpfBtf();
  LibbpfBtf(const LibbpfBtf&) = delete;
  LibbpfBtf& operator=(const LibbpfBtf&) = delete;

  uint32_t end_id() const;
  std::string Raw() const;

  // Each of these gives a negative errno where libbpf does.
  int AddString(const std::string& text);
  int FindString(const std::string& text);
  int AddPtr(TypeId to);
  int AddInt(const std::string& name);
  int Permute(const std::vector<uint32_t>& new_index);
  int FindByName(Kind kind, const std::string& name) const;

 private:
  LibbpfBtf(struct ::btf* btf, TypeId first_id)
      : btf_(btf), first_id_(first_id) {}
  struct ::btf* btf_;
  TypeId first_id_;
};

// The .BTF section of an ELF file; empty where there is none.
std::string ReadBtfSection(const std::string& path);

}  // namespace btfd::btf::testing

#endif  // BTFD_TESTS_ORACLE_LIBBPF_H_
