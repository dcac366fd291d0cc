// SPDX-License-Identifier: Apache-2.0
//
// The part of kernel_check.h that looks at one type record at a time.
#ifndef BTFD_LIB_ENGINE_KERNEL_CHECK_TYPES_H_
#define BTFD_LIB_ENGINE_KERNEL_CHECK_TYPES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/btf/btf.h"
#include "lib/btf/format.h"
#include "lib/engine/kernel_check/kernel_check.h"

namespace btfd::engine {

// Offsets of strings, counted from the base's first one on, have 24 bits.
inline constexpr uint32_t kMaxNameOffset = 0xffffff;

class KernelTypeCheck {
 public:
  // All of these must outlive it.
  KernelTypeCheck(const btf::Btf& btf, const KernelRules& rules,
                  absl::string_view what)
      : btf_(btf), rules_(rules), what_(what) {}

  // Checks an own type.
  absl::Status Check(btf::TypeId id) const;

  // "WHAT: type ID (KIND NAME): DEFECT", as an error. `id` is any type's.
  absl::Status Refuse(btf::TypeId id, absl::string_view defect) const;

 private:
  struct KindRule;
  static const KindRule& RuleOf(btf::Kind kind);

  absl::Status CheckInfo(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckName(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckInt(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckArray(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckMembers(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckEnum(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckEnumerator(btf::TypeId id, uint32_t index,
                               uint32_t name_off) const;
  absl::Status CheckFunc(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckProto(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckVar(btf::TypeId id, const btf::TypeRecord& type) const;
  absl::Status CheckDatasec(btf::TypeId id, const btf::TypeRecord& type) const;

  absl::Status RefuseMember(btf::TypeId id, uint32_t index, uint32_t name_off,
                            absl::string_view defect) const;
  // What is wrong with an identifier; empty: nothing.
  std::string DefectOfName(uint32_t name_off) const;
  std::string Quoted(uint32_t name_off) const;

  const btf::Btf& btf_;
  const KernelRules& rules_;
  const absl::string_view what_;
};

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_KERNEL_CHECK_TYPES_H_
