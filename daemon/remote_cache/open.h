// SPDX-License-Identifier: Apache-2.0
//
// Makes the daemon's remote cache from its options.
#ifndef BTFD_DAEMON_REMOTE_CACHE_OPEN_H_
#define BTFD_DAEMON_REMOTE_CACHE_OPEN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "daemon/remote_cache/shared_cache.h"
#include "daemon/startup/options.h"
#include "lib/store/counters.h"
#include "lib/util/log.h"

namespace btfd::daemon {

// InvalidArgument, with the name of the option, if an address or a file cannot
// be used, or if a token would be sent to another machine without encryption.
// It is no error if no server answers; that shows at the first call.
// Precondition: remote_cache is not empty. Counters and log must outlive the
// cache.
absl::StatusOr<std::unique_ptr<SharedCache>> OpenRemoteCache(
    const Options& options, store::Counters* counters, util::Log* log);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_REMOTE_CACHE_OPEN_H_
