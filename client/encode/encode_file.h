// SPDX-License-Identifier: Apache-2.0
//
// DWARF of a file to finished BTF: encoded in this process, then put over the
// base, deduplicated and finalized by the daemon, in one request.
#ifndef BTFD_CLIENT_ENCODE_ENCODE_FILE_H_
#define BTFD_CLIENT_ENCODE_ENCODE_FILE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/request/base_file.h"
#include "client/rpc/finalize_client.h"
#include "lib/elf/module_file.h"
#include "lib/encode/encoder.h"
#include "proto/btfd_lite.pb.h"

namespace btfd::client {

// encode::Encode() of a mapped file, whose pages are given back as they are
// left behind; 0 threads are as many as there are processors. Errors as of
// dwarf::Object::Open() and encode::Encode().
absl::StatusOr<encode::Encoded> EncodeFile(
    const elf::ModuleFile& file, const encode::EncodeOptions& options);

struct EncodedAnswer {
  // What the encoder said; the rest is only set where it is OK.
  absl::Status encoding;
  encode::Encoded encoded;
  // There was nothing to encode, and there is no base: nothing was asked.
  bool nothing_to_encode = false;
  v1::FinalizeResponse response;
};

// Fills the BTF in, and steps.encoded, and asks for the rest of what *request
// says. Encodes once more where only the base could tell what has to be known
// of a name. `base` may be null. Errors as of FinalizeClient::Finalize().
absl::StatusOr<EncodedAnswer> EncodeAndFinalize(
    const elf::ModuleFile& file, const encode::EncodeOptions& options,
    v1::FinalizeRequest* request, FinalizeClient* client, BaseFile* base);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_ENCODE_FILE_H_
