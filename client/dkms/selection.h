// SPDX-License-Identifier: Apache-2.0
//
// Which DKMS packages are built with btfd: the words of the line `dkms =` in
// the configuration file of btfd-kbuild. For the other lines of that file see
// tools/kbuild/kbuild.conf.
//
//   all     every package, which is also the default
//   none    no package
//   NAME    this package
//   -NAME   not this package
//
// A later word overrides an earlier one.
#ifndef BTFD_CLIENT_DKMS_SELECTION_H_
#define BTFD_CLIENT_DKMS_SELECTION_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace btfd::client {

class DkmsSelection {
 public:
  // The selection in the text of a configuration file. The last line `dkms =`
  // counts; a text without one selects all packages.
  static DkmsSelection InConfiguration(absl::string_view text);

  explicit DkmsSelection(absl::string_view words);

  bool Includes(absl::string_view package) const;
  // True if no package can be included.
  bool IsNone() const;

  // Changes as few words as possible, so that one call undoes the other.
  void Include(absl::string_view package);
  void Exclude(absl::string_view package);

  std::string ToString() const;

  // `text` with this selection in its last line `dkms =`, or in a new last
  // line. All other bytes stay.
  std::string PutIntoConfiguration(absl::string_view text) const;

 private:
  void Remove(absl::string_view word);

  std::vector<std::string> words_;
};

// False for a word that cannot be the name of a DKMS package in a selection.
bool IsDkmsPackageName(absl::string_view name);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_DKMS_SELECTION_H_
