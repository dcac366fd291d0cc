// SPDX-License-Identifier: Apache-2.0
//
// The messages of proto/btfd.proto in the form that the program links: a daemon
// has their descriptors, a client has not (proto/BUILD.bazel says why). What
// includes them through this file can be in both.
#ifndef BTFD_LIB_WIRE_MESSAGES_H_
#define BTFD_LIB_WIRE_MESSAGES_H_

#ifdef BTFD_LITE_MESSAGES
#include "proto/btfd_lite.pb.h"
#else
#include "proto/btfd.pb.h"
#endif

#endif  // BTFD_LIB_WIRE_MESSAGES_H_
