// SPDX-License-Identifier: Apache-2.0
//
// Reads of a module what finalization needs, as the client reads it, and makes
// small changes for tests.
#ifndef BTFD_TESTS_SUPPORT_MODULE_INPUT_H_
#define BTFD_TESTS_SUPPORT_MODULE_INPUT_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/btf/base.h"
#include "lib/engine/pipeline.h"

namespace btfd::tests {

struct ModuleInput {
  std::string path;
  std::string btf;             // empty: the module has none
  std::string distilled_base;  // empty: the module has none
  std::optional<engine::IdsSection> ids;

  // Views into this object. The caller sets the base.
  engine::FinalizeInput ForEngine() const;
};

absl::StatusOr<ModuleInput> ReadModuleInput(const std::string& path);

// Copies a module as the compiler left its .BTF_ids: ids and counts are zero,
// flags stay.
absl::Status WriteModuleWithZeroedIds(const std::string& from,
                                      const std::string& to);

// The same split BTF without its DECL_TAGs, as a pahole that writes no kfunc
// tags would make it. Aborts if the BTF does not parse.
std::string WithoutDeclTags(const std::string& btf, const btf::Base* base);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_MODULE_INPUT_H_
