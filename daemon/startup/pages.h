// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_DAEMON_STARTUP_PAGES_H_
#define BTFD_DAEMON_STARTUP_PAGES_H_

#include "lib/manual/page.h"

namespace btfd::daemon {

// What btfd says of itself, and of its configuration file.
const manual::Page& BtfdPage();
const manual::Page& BtfdConfPage();

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_PAGES_H_
