// SPDX-License-Identifier: Apache-2.0
//
// libbpf (of the kernel whose profile is judged) as the oracle: the same steps
// as the engine's, by its public calls alone. A binary links one release's.
#ifndef BTFD_TESTS_ORACLE_ORACLE_H_
#define BTFD_TESTS_ORACLE_ORACLE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

struct btf;

namespace btfd::tests {

struct FreeBtf {
  void operator()(struct btf* btf) const;
};
using OracleBtf = std::unique_ptr<struct btf, FreeBtf>;

// Null, with errno set, where libbpf refuses the bytes. The data is copied.
OracleBtf OracleParse(absl::string_view raw, struct btf* base);

// Own raw bytes as libbpf gives them; nullopt on failure.
std::optional<std::string> OracleBytes(const struct btf* btf);

// The same content in the byte order that is not the host's. `btf` is as
// before afterwards.
std::string OracleSwapped(struct btf* btf);

// 0 or libbpf's negative error.
int OracleDedup(struct btf* btf);
// Sorts the own types by name as resolve_btfids does, anonymous ones first.
int OracleSort(struct btf* btf);

struct OracleDistilled {
  OracleBtf base;
  OracleBtf split;  // over `base`; freed before it
};
// nullopt, with errno set, on failure.
std::optional<OracleDistilled> OracleDistill(const struct btf* split);

// Moves a split BTF from its distilled base onto another base. 0 or an error.
int OracleRelocate(struct btf* split, const struct btf* base);

// A standalone BTF as split BTF over `base`: appended to an empty split, then
// deduplicated. Null, with errno set, on failure.
OracleBtf OracleRebase(const struct btf* standalone, struct btf* base);

// The same as pahole makes it: over `base` (null: none), each of the strings
// added in its order, then all types.
OracleBtf OracleEncode(const struct btf* standalone, struct btf* base);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_ORACLE_ORACLE_H_
