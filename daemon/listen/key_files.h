// SPDX-License-Identifier: Apache-2.0
//
// Checks PEM files before gRPC gets them. With a bad file gRPC would only write
// to its log, and then refuse every handshake. Errors are InvalidArgument and
// name the option and the file.
#ifndef BTFD_DAEMON_LISTEN_KEY_FILES_H_
#define BTFD_DAEMON_LISTEN_KEY_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace btfd::daemon {

// The file of `option` must begin with a certificate.
absl::Status CheckCertificates(absl::string_view option,
                               const std::string& path);
// The files must hold a certificate, and the key that belongs to it, without a
// passphrase.
absl::Status CheckKeyPair(const std::string& certificate_path,
                          const std::string& key_path);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_LISTEN_KEY_FILES_H_
