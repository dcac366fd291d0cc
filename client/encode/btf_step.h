// SPDX-License-Identifier: Apache-2.0
//
// The BTF step of a kernel build for one ELF file. This process encodes, and
// the daemon finalizes, in one request. The BTF of a module is written into the
// module. vmlinux itself is not changed: ELF.btf.o, which the build links in,
// and ELF.BTF_ids, which it patches in after the last link, are written beside
// it.
#ifndef BTFD_CLIENT_ENCODE_BTF_STEP_H_
#define BTFD_CLIENT_ENCODE_BTF_STEP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/encode/explain.h"
#include "client/encode/stand_in.h"
#include "client/request/base_file.h"
#include "client/request/profile.h"
#include "client/request/trace.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/module_file.h"
#include "lib/encode/call.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

struct BtfStepOptions {
  StandIn stand_in;
  std::vector<std::string> pahole_flags;  // $PAHOLE_FLAGS
  std::string lang_exclude;               // $PAHOLE_LANG_EXCLUDE
  std::string base;                       // path; empty: each file is a vmlinux
  // If the real pahole encodes, let it read the base, too.
  bool upstream_exact = false;
  // That read a vmlinux; 0: as pahole_flags say.
  int threads = 0;
  Profile profile;
  bool distill = false;
  bool verbose = false;  // show commands as `make V=1` does
  ExplainOptions explain;
  Trace* trace = nullptr;  // where to note what takes time; null: nowhere
};

struct BtfStepResult {
  absl::Status status;
  int exit_code = 0;  // not 0 if and only if status is an error
  std::vector<std::string> warnings;
  v1::FinalizeResponse response;
  uint64_t types_met = 0;  // in DWARF; 0 if the real pahole encoded
  uint64_t bytes_in = 0;   // of the ELF file
};

class BtfStep {
 public:
  // All must outlive it. `base` is null if options.base is empty.
  BtfStep(const BtfStepOptions& options, FinalizeClient* client, BaseFile* base)
      : options_(options), client_(client), base_(base) {}

  BtfStepResult Run(const std::string& elf);

 private:
  absl::Status RunHere(const std::string& elf, const encode::PaholeCall& call,
                       BtfStepResult* result);
  absl::Status RunByPahole(const std::string& elf, BtfStepResult* result);
  absl::StatusOr<elf::ModuleFile> Open(const std::string& elf) const;
  v1::Steps StepsToTake() const;
  absl::Status Conclude(const elf::ModuleFile& file, BtfStepResult* result);
  absl::Status LeaveBeside(const elf::ModuleFile& vmlinux,
                           const v1::FinalizeResponse& response) const;
  void RemoveLeftovers(const std::string& elf) const;
  bool is_module() const { return base_ != nullptr; }

  const BtfStepOptions& options_;
  FinalizeClient* const client_;
  BaseFile* const base_;
  std::optional<encode::BaseNames> base_names_;  // once they were asked for
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_BTF_STEP_H_
