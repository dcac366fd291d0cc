// SPDX-License-Identifier: Apache-2.0
//
// libbpf as the oracle: the same steps as the engine's, made with its public
// functions only. A binary links the libbpf of one kernel release.
#ifndef BTFD_TESTS_ORACLE_ORACLE_H_
#define BTFD_TESTS_ORACLE_ORACLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/btf/format.h"

struct btf;

namespace btfd::tests {

struct FreeBtf {
  void operator()(struct btf* btf) const;
};
using OracleBtf = std::unique_ptr<struct btf, FreeBtf>;

// Null, with errno set, if libbpf refuses the bytes. The data is copied.
OracleBtf OracleParse(absl::string_view raw, struct btf* base);

// The BTF's own raw bytes as libbpf gives them; nullopt if that fails.
std::optional<std::string> OracleBytes(const struct btf* btf);

// The same content in the other byte order than the host's. Afterwards `btf` is
// as before.
std::string OracleSwapped(struct btf* btf);

// Returns 0 or libbpf's negative error.
int OracleDedup(struct btf* btf);
// Sorts the own types by name as resolve_btfids does; anonymous types come
// first.
int OracleSort(struct btf* btf);

struct OracleDistilled {
  OracleBtf base;
  OracleBtf split;  // over `base`; freed before it
};
// nullopt, with errno set, if it fails.
std::optional<OracleDistilled> OracleDistill(const struct btf* split);

// Relocates a split BTF from its distilled base onto another base. 0 or an
// error.
int OracleRelocate(struct btf* split, const struct btf* base);

// Puts a standalone BTF over `base`: appends it to an empty split BTF, then
// deduplicates that. Null, with errno set, if it fails.
OracleBtf OracleRebase(const struct btf* standalone, struct btf* base);

// The same as pahole makes it: over `base` (null: none), each of the strings
// added in its order, then all types.
OracleBtf OracleEncode(const struct btf* standalone, struct btf* base);

// A BTF that is edited and asked by libbpf's calls, under names that do not
// depend on libbpf's header.
class OracleEditor {
 public:
  // Null where libbpf rejects the bytes, or crashes on them by a known defect
  // (a record size that overflows). `base` must outlive the result.
  static std::unique_ptr<OracleEditor> Load(absl::string_view raw,
                                            const OracleEditor* base);
  ~OracleEditor();
  OracleEditor(const OracleEditor&) = delete;
  OracleEditor& operator=(const OracleEditor&) = delete;

  uint32_t end_id() const;
  std::string Raw() const;

  // Each of these gives a negative errno where libbpf does.
  int AddString(const std::string& text);
  int FindString(const std::string& text);
  int AddPtr(uint32_t to);
  int AddInt(const std::string& name);
  int Permute(const std::vector<uint32_t>& new_index);
  int FindByName(btf::Kind kind, const std::string& name) const;

 private:
  OracleEditor(struct ::btf* btf, uint32_t first_id)
      : btf_(btf), first_id_(first_id) {}
  struct ::btf* btf_;
  uint32_t first_id_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_ORACLE_ORACLE_H_
