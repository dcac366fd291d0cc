// SPDX-License-Identifier: Apache-2.0
//
// Makes a request of a module: its sections and id symbols.
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

// What to do if there is a .BTF_ids but no symbols for it.
enum class IdsRule {
  kAsUpstream,    // leave the ids out without a message
  kMustBeUsable,  // an error: the module would not be finished
};

// The header size that a BTF states, read in the BTF's byte order. For bytes
// that are no BTF, the size of the oldest header.
uint32_t HeaderSizeOf(absl::string_view btf);

// Whether a request that is filled in, steps included, takes the module's
// .BTF.base for the base, and no other: its BTF stays as it is, so its ids must
// be those that it has over .BTF.base. That is what resolve_btfids of 6.12
// does, whatever base it is given.
bool StaysOverDistilledBase(const v1::FinalizeRequest& request);

// Fills in the ids only.
absl::Status FillIdsOf(const elf::ModuleFile& module, IdsRule rule,
                       v1::FinalizeRequest* request);

// Fills in btf, distilled_base and ids. The BTF comes from the file `btf_path`,
// raw or ELF; if that is empty, from the module itself. Errors as of
// lib/elf/module_file.h.
absl::Status FillModule(const elf::ModuleFile& module, IdsRule rule,
                        const std::optional<std::string>& btf_path,
                        v1::FinalizeRequest* request);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_REQUEST_MODULE_REQUEST_H_
