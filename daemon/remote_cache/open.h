// SPDX-License-Identifier: Apache-2.0
//
// From the daemon's options to its remote cache.
#ifndef BTFD_DAEMON_REMOTE_CACHE_OPEN_H_
#define BTFD_DAEMON_REMOTE_CACHE_OPEN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "daemon/remote_cache/shared_cache.h"
#include "daemon/startup/options.h"
#include "lib/store/counters.h"
#include "lib/util/log.h"

namespace btfd::daemon {

// InvalidArgument, with the option's name, for an address or a file that is no
// good, and for a token that would go to another machine in the clear. Whether
// a server is there shows later, and is no error then. Precondition:
// remote_cache is not empty. Counters and log must outlive the cache.
absl::StatusOr<std::unique_ptr<SharedCache>> OpenRemoteCache(
    const Options& options, store::Counters* counters, util::Log* log);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_REMOTE_CACHE_OPEN_H_
