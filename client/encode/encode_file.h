// SPDX-License-Identifier: Apache-2.0
//
// Makes finished BTF of the DWARF of a file. This process encodes. The daemon
// then puts the result over the base, deduplicates and finalizes it, in one
// request.
#ifndef BTFD_CLIENT_ENCODE_ENCODE_FILE_H_
#define BTFD_CLIENT_ENCODE_ENCODE_FILE_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/request/base_file.h"
#include "client/request/trace.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/module_file.h"
#include "lib/encode/encoder.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// Calls encode::Encode() on a mapped file, and gives back the pages that are
// not needed any more. 0 threads means one for each processor. Errors as of
// dwarf::Object::Open() and encode::Encode().
absl::StatusOr<encode::Encoded> EncodeFile(
    const elf::ModuleFile& file, const encode::EncodeOptions& options);

struct EncodedAnswer {
  // The encoder's result. The other fields are only set if it is OK.
  absl::Status encoding;
  encode::Encoded encoded;
  // There was nothing to encode and no base, so the daemon was not asked.
  bool nothing_to_encode = false;
  v1::FinalizeResponse response;
};

// Fills in the BTF and steps.encoded, and asks the daemon for the rest of what
// *request says. Encodes once more, with all types, if the daemon finds that
// what was left out can make a difference over the base. `base` may be null.
// `*names` holds what is known of the base; if nothing is, the daemon is asked.
// `trace` gets what takes time, unless it is null. Errors as of
// FinalizeClient::Finalize().
absl::StatusOr<EncodedAnswer> EncodeAndFinalize(
    const elf::ModuleFile& file, const encode::EncodeOptions& options,
    v1::FinalizeRequest* request, FinalizeClient* client, BaseFile* base,
    std::optional<encode::BaseNames>* names, Trace* trace = nullptr);

// Writes the sections that the response has into the file: .BTF, and .BTF.base
// and .BTF_ids if they are there. Errors as of elf::WriteModule().
absl::Status EmbedAnswer(const elf::ModuleFile& file,
                         const v1::FinalizeResponse& response);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_ENCODE_FILE_H_
