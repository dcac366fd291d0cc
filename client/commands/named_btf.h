// SPDX-License-Identifier: Apache-2.0
//
// BTF that an argument names: a file of any form, or, as "sha256:DIGEST", a
// base that the daemon has, or can get from the daemons that it works with.
#ifndef BTFD_CLIENT_COMMANDS_NAMED_BTF_H_
#define BTFD_CLIENT_COMMANDS_NAMED_BTF_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/request/loaded_btf.h"
#include "client/rpc/direct_connection.h"
#include "lib/btf/base.h"
#include "lib/elf/any_btf.h"
#include "lib/util/digest.h"

namespace btfd::client {

absl::StatusOr<elf::BtfSource> ReadNamedSource(const std::string& name);
// Errors: as of LoadedBtf::Read(), or NotFound where no daemon has the base.
absl::StatusOr<LoadedBtf> ReadNamedBtf(const std::string& name,
                                       const Under& under);
// The same, indexed.
absl::StatusOr<std::shared_ptr<const btf::Base>> ReadNamedBase(
    const std::string& name);

// The digest of the one base of the daemon's whose digest starts so. NotFound,
// or InvalidArgument where it is not the only one.
absl::StatusOr<util::Digest> FindBase(DirectConnection* daemon,
                                      absl::string_view beginning);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_NAMED_BTF_H_
