// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/open.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "daemon/remote_cache/remote_cache.h"
#include "lib/btf/base_blob.h"
#include "lib/btf/dedup_index_blob.h"
#include "lib/engine/pipeline.h"

namespace btfd::daemon {

absl::StatusOr<std::unique_ptr<SharedCache>> OpenRemoteCache(
    const Options& options, store::Counters* counters, util::Log* log) {
  const absl::StatusOr<tls::Endpoint> endpoint =
      tls::ParseEndpoint(options.remote_cache);
  if (!endpoint.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("remote_cache: ", endpoint.status().message()));
  }
  if (!options.remote_token_file.empty() && !endpoint->secure &&
      !endpoint->loopback) {
    return absl::InvalidArgumentError(
        "remote_token_file: a token goes to another machine by grpcs:// only");
  }
  remote::RemoteCacheOptions settings;
  settings.server.endpoint = *endpoint;
  settings.server.files = {options.remote_ca, options.remote_certificate,
                           options.remote_key};
  settings.server.token_file = options.remote_token_file;
  settings.server.instance = options.remote_instance;
  settings.read_only = options.remote_read_only;
  settings.upload_inputs = options.remote_upload_inputs;
  // Over loopback, plain bytes are faster than zstd.
  settings.compression = options.remote_compression && !endpoint->loopback;
  settings.timeout = options.remote_timeout;
  settings.min_rate = options.remote_min_rate;
  settings.max_upload_bytes = options.max_remote_upload_bytes;
  settings.max_btf_bytes = options.max_btf_bytes;
  settings.index_version =
      absl::StrCat(engine::kEngineVersion, ".", btf::kBaseBlobVersion, ".",
                   btf::kDedupBlobVersion);
  auto cache = remote::RemoteCache::Create(std::move(settings), counters, log);
  if (cache.ok()) return std::unique_ptr<SharedCache>(*std::move(cache));
  return absl::InvalidArgumentError(
      absl::StrCat("remote_cache: ", cache.status().message()));
}

}  // namespace btfd::daemon
