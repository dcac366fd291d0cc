// SPDX-License-Identifier: Apache-2.0
//
// A module as a request: its sections and id symbols.
#ifndef BTFD_CLIENT_REQUEST_MODULE_REQUEST_H_
#define BTFD_CLIENT_REQUEST_MODULE_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/elf/module_file.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// What to do where .BTF_ids is there but its symbols are not.
enum class IdsRule {
  kAsUpstream,    // leave the ids out, in silence
  kMustBeUsable,  // an error: the module would not be finished
};

// The size that the header of a BTF says it has, in the BTF's byte order; of
// what is no BTF, the oldest's.
uint32_t HeaderSizeOf(absl::string_view btf);

// Fills ids alone.
absl::Status FillIdsOf(const elf::ModuleFile& module, IdsRule rule,
                       v1::FinalizeRequest* request);

// Fills btf, distilled_base and ids. The BTF comes from the file `btf_path`,
// raw or ELF, else from the module itself. Errors as of lib/elf/module_file.h.
absl::Status FillModule(const elf::ModuleFile& module, IdsRule rule,
                        const std::optional<std::string>& btf_path,
                        v1::FinalizeRequest* request);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_MODULE_REQUEST_H_
