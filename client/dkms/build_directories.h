// SPDX-License-Identifier: Apache-2.0
//
// The kernels' build directories (make -C ...), and the file in them by which
// make learns about btfd.
//
// GNU make reads a GNUmakefile in the place of a Makefile. Ours includes
// kbuild.mk of btfd, which sets two variables where a DKMS package is built,
// and then the Makefile that is there. So every package is served, whatever
// its dkms.conf says, and nothing that belongs to another package is changed.
// Without kbuild.mk our file does nothing.
#ifndef BTFD_CLIENT_DKMS_BUILD_DIRECTORIES_H_
#define BTFD_CLIENT_DKMS_BUILD_DIRECTORIES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace btfd::client {

struct BuildDirectory {
  enum class State {
    kServed,    // it has our GNUmakefile
    kFree,      // it can get it
    kForeign,   // it has another GNUmakefile, or ours with changes
    kOwnTree,   // it is not under /usr/src or /usr/lib/modules: somebody's own
                // kernel tree, which is left alone
    kLeftOver,  // it has our GNUmakefile, and no Makefile any more
  };
  std::string path;     // without the root
  std::string release;  // of /lib/modules/RELEASE/build; empty if there is none
  State state = State::kFree;
};

// Where the build directories are looked for, and what is put there.
struct BuildDirectories {
  std::string root;     // "" or a directory that stands for /
  std::string library;  // btfd's directory, which has kbuild.mk

  // Those that /lib/modules/*/build lead to, and those under /usr/src that have
  // our file; in the order of their paths.
  std::vector<BuildDirectory> Find() const;

  // Puts the file into a directory whose state is kFree.
  absl::Status Put(const BuildDirectory& directory) const;
  // Removes the file from a directory whose state is kServed or kLeftOver. In
  // the latter case the directory goes as well, if nothing else is in it.
  absl::Status Remove(const BuildDirectory& directory) const;

  // The content of the file.
  std::string Makefile() const;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_DKMS_BUILD_DIRECTORIES_H_
