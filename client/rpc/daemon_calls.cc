// SPDX-License-Identifier: Apache-2.0
#include "client/rpc/daemon_calls.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/util/digest.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {
constexpr size_t kChunk = size_t{1} << 20;
}  // namespace

absl::Duration CallLimit(uint64_t bytes) {
  return absl::Seconds(30) + absl::Seconds(10) * (bytes / 1e6);
}

absl::StatusOr<v1::AddBaseResponse> AddBase(DirectConnection* daemon,
                                            BaseFile* base) {
  ASSIGN_OR_RETURN(const absl::string_view bytes, base->bytes());
  ASSIGN_OR_RETURN(const util::Digest digest, base->digest());
  v1::AddBaseRequest part;
  part.mutable_header()->set_digest(std::string(digest.binary()));
  part.mutable_header()->set_size(bytes.size());
  part.mutable_header()->set_origin(base->path());
  if (base->key().has_value()) {
    *part.mutable_header()->mutable_file_key() = *base->key();
  }
  bool has_header = false;
  absl::string_view rest = bytes;
  const auto next = [&]() -> const v1::AddBaseRequest* {
    if (!has_header) {
      has_header = true;
      return &part;
    }
    if (rest.empty()) return nullptr;
    const absl::string_view chunk = rest.substr(0, kChunk);
    rest.remove_prefix(chunk.size());
    part.set_chunk(chunk.data(), chunk.size());
    return &part;
  };
  v1::AddBaseResponse response;
  RETURN_IF_ERROR(daemon->CallWithStream(
      "/btfd.v1.Btfd/AddBase", next,
      {CallLimit(bytes.size()), kSilenceLimit, kProbeLimit}, &response));
  return response;
}

absl::StatusOr<std::string> ReadBase(DirectConnection* daemon,
                                     const util::Digest& digest) {
  v1::ReadBaseRequest request;
  request.set_digest(std::string(digest.binary()));
  std::string bytes;
  v1::ReadBaseResponse response;
  do {
    request.set_offset(bytes.size());
    response.Clear();
    RETURN_IF_ERROR(Call(daemon, kReadBase, request, &response));
    if (response.outcome() != v1::OK) {
      return absl::NotFoundError(response.message());
    }
    bytes += response.chunk();
  } while (!response.chunk().empty() && bytes.size() < response.size());
  if (util::Digest::Of(bytes) != digest) {
    return absl::DataLossError(
        absl::StrCat("the daemon's answer is not the base ", digest.hex()));
  }
  return bytes;
}

}  // namespace btfd::client
