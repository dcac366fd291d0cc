// SPDX-License-Identifier: Apache-2.0
//
// A call of pahole that encodes BTF, done here: the same files and exit codes,
// and what it says where it fails.
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
  // All must outlive it. Precondition: stand_in.version is there.
  NativePaholeCall(const encode::PaholeCall& call, const StandIn& stand_in,
                   const ExplainOptions& explain,
                   const Environment& environment)
      : call_(call),
        rules_(encode::RulesOf(*stand_in.version)),
        stand_in_(stand_in),
        explain_(explain),
        environment_(environment) {}

  // The exit code; all is said. Unimplemented where the real pahole may know
  // how to do it; Unavailable where the daemon cannot be had.
  absl::StatusOr<int> Run();

 private:
  absl::StatusOr<int> RunOn(const elf::ModuleFile& file);
  absl::StatusOr<EncodedAnswer> Encode(const elf::ModuleFile& file,
                                       BaseFile* base) const;
  int BadBase(const absl::Status& why) const;
  // What the exit code is where there is no DWARF that can be read.
  int WithoutDwarf(const absl::Status& why) const;
  // The same where encoding failed.
  int EncodingFailed(const absl::Status& why) const;
  absl::Status Leave(const elf::ModuleFile& file,
                     const v1::FinalizeResponse& response) const;

  const encode::PaholeCall& call_;
  const encode::Rules& rules_;
  const StandIn& stand_in_;
  const ExplainOptions& explain_;
  const Environment& environment_;
};

// Makes `bytes` the content of `path`. A new file gets the mode that pahole
// gives it, 0640 less the umask.
absl::Status WriteDetached(const std::string& path, absl::string_view bytes);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_PAHOLE_CALL_H_
