// SPDX-License-Identifier: Apache-2.0
//
// What a hostile cache server can send: an ActionResult with any bytes for its
// blobs, as the answer of a finalization; or the parts of a base's indexes. The
// first byte says whether digests are repaired, since a server can make right
// digests for bad bytes.
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "daemon/remote_cache/action.h"
#include "daemon/remote_cache/packed_index.h"
#include "daemon/remote_cache/result.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "tests/fuzz/input.h"

namespace btfd::fuzz {
namespace {

namespace remote = daemon::remote;

constexpr uint64_t kMostBytes = uint64_t{1} << 20;
constexpr uint8_t kIndexes = 1;      // indexes, not a result
constexpr uint8_t kMendDigests = 2;  // of inlined parts

void MendDigests(remote::reapi::ActionResult* result) {
  for (auto& file : *result->mutable_output_files()) {
    remote::BlobName::Of(file.contents()).To(file.mutable_digest());
  }
}

void ReadResult(bool mend, Parts* parts) {
  const ExactCopy message = parts->Part();
  remote::reapi::ActionResult result;
  if (!result.ParseFromArray(message.view().data(),
                             static_cast<int>(message.view().size()))) {
    return;
  }
  if (mend) MendDigests(&result);
  const absl::string_view paths[] = {remote::kBtfFile, remote::kBtfBaseFile,
                                     remote::kBtfIdsFile};
  auto found = remote::PartsOf(std::move(result), paths, kMostBytes);
  if (!found.ok()) return;
  for (remote::ResultPart& part : *found) {
    if (!part.inlined) part.bytes = std::string(parts->Part().view());
  }
  const auto response = remote::DecodeResult(*std::move(found));
  if (!response.ok()) return;
  // A response that was accepted can be serialized, and parses to the same.
  const std::string sent = response->SerializeAsString();
  v1::FinalizeResponse received;
  if (!received.ParseFromString(sent) || received.SerializeAsString() != sent) {
    __builtin_trap();
  }
}

absl::StatusOr<util::Blob> ReadIndex(Parts* parts) {
  remote::IndexUnpacker unpacker(kMostBytes);
  for (size_t i = 0; i < remote::kPackedParts; ++i) {
    const ExactCopy part = parts->Part();
    const absl::Status status = unpacker.Add(i, part.view());
    if (!status.ok()) return status;
  }
  return unpacker.Take();
}

void ReadIndexes(Parts* parts) {
  auto core = ReadIndex(parts);
  if (!core.ok()) return;
  const auto base = btf::Base::Load(*std::move(core));
  if (!base.ok()) return;
  auto dedup = ReadIndex(parts);
  if (!dedup.ok()) return;
  btf::DedupIndex::Load(*std::move(dedup), **base).status().IgnoreError();
}

}  // namespace
}  // namespace btfd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btfd::fuzz;
  Parts parts(data, size);
  const uint8_t what = parts.Byte();
  if (what & kIndexes) {
    ReadIndexes(&parts);
  } else {
    ReadResult(what & kMendDigests, &parts);
  }
  return 0;
}
