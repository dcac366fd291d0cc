// SPDX-License-Identifier: Apache-2.0
//
// Does the work of a pahole call that encodes BTF, with the same files, exit
// codes and error messages.
#ifndef BTFD_CLIENT_ENCODE_PAHOLE_CALL_H_
#define BTFD_CLIENT_ENCODE_PAHOLE_CALL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/environment.h"
#include "client/encode/encode_file.h"
#include "client/encode/explain.h"
#include "client/encode/stand_in.h"
#include "client/request/base_file.h"
#include "lib/elf/module_file.h"
#include "lib/encode/call.h"

namespace btfd::client {

class NativePaholeCall {
 public:
  // All must outlive it. Precondition: stand_in.version is set.
  NativePaholeCall(const encode::PaholeCall& call, const StandIn& stand_in,
                   const ExplainOptions& explain,
                   const Environment& environment)
      : call_(call),
        rules_(encode::RulesOf(*stand_in.version)),
        stand_in_(stand_in),
        explain_(explain),
        environment_(environment) {}

  // Returns the exit code and has printed everything. Unimplemented if the real
  // pahole may be able to do it; Unavailable if no daemon can be reached.
  absl::StatusOr<int> Run();

 private:
  absl::StatusOr<int> RunOn(const elf::ModuleFile& file);
  absl::StatusOr<EncodedAnswer> Encode(const elf::ModuleFile& file,
                                       BaseFile* base) const;
  int BadBase(const absl::Status& why) const;
  // The exit code if there is no DWARF that can be read.
  int WithoutDwarf(const absl::Status& why) const;
  // The exit code if encoding failed.
  int EncodingFailed(const absl::Status& why) const;
  absl::Status Leave(const elf::ModuleFile& file,
                     const v1::FinalizeResponse& response) const;

  const encode::PaholeCall& call_;
  const encode::Rules& rules_;
  const StandIn& stand_in_;
  const ExplainOptions& explain_;
  const Environment& environment_;
};

// Writes `bytes` to `path`. A new file gets the mode that pahole gives it: 0640
// less the umask.
absl::Status WriteDetached(const std::string& path, absl::string_view bytes);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_PAHOLE_CALL_H_
