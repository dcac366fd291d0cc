// SPDX-License-Identifier: Apache-2.0
//
// DKMS's own tree, /var/lib/dkms, as dkms(8) describes it:
//
//   NAME/VERSION/source                        leads to the package's sources
//   NAME/VERSION/build/                        where a module is being built
//   NAME/VERSION/KERNEL/ARCHITECTURE/module/   the modules that were built
#ifndef BTFD_CLIENT_DKMS_TREE_H_
#define BTFD_CLIENT_DKMS_TREE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace btfd::client {

// A module that DKMS has built.
struct DkmsModule {
  std::string path;
  std::string kernel;
};

struct DkmsPackage {
  std::string name;
  std::string version;
  std::vector<DkmsModule> modules;
};

// The packages in a tree, by name and version.
std::vector<DkmsPackage> ReadDkmsTree(const std::string& tree);

// The name of the package that is built in `directory`, or in a directory
// above it; empty if no package is. Any tree of this layout counts, since
// DKMS's configuration can name another one.
std::string DkmsPackageBuiltIn(absl::string_view directory);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_DKMS_TREE_H_
