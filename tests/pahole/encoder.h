// SPDX-License-Identifier: Apache-2.0
//
// Our pahole and its verdict beside the real one's. It is the library, called
// as the client calls it, without processes in between: what a small file takes
// then is less than the start of a program.
#ifndef BTFD_TESTS_PAHOLE_ENCODER_H_
#define BTFD_TESTS_PAHOLE_ENCODER_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/pahole/cases.h"
#include "tests/pahole/oracle.h"

namespace btfd::tests {

// Thread-safe.
//
// BTFD_ENCODER_PROGRAM names a program to judge instead, which is also given
// --pahole_version=VERSION; `real` there is the real pahole, to check the tests
// themselves.
class OurPahole {
 public:
  OurPahole();
  ~OurPahole();
  // As RunPahole(). The exit code is 0, or 1 with an error in `err`.
  EncodeResult Run(const std::string& version,
                   const std::vector<std::string>& flags,
                   const std::string& base, const std::string& input,
                   const std::string& out);

 private:
  struct IndexedBase;
  absl::StatusOr<std::string> Encode(const std::string& version,
                                     const std::vector<std::string>& words,
                                     const std::string& base);
  absl::StatusOr<std::shared_ptr<const IndexedBase>> IndexBase(
      const std::string& path);

  const std::string other_program_;
  std::mutex mutex_;
  // By digest: the bases of many small files are small.
  std::map<std::string, std::shared_ptr<const IndexedBase>> bases_;
};

// Empty where both left the same bytes, or both none; else what differs. Where
// the real one crashed, ours has to end with an error and leave no file.
// `base` is raw BTF, or empty.
std::string EncodeDifference(const EncodeResult& ours,
                             const EncodeResult& theirs,
                             const std::string& base);

// Runs ours in every way that the real ones were run in on one case's objects,
// and says of each run where it differs, what runs it was, and how. `compared`,
// if given, gets the number of runs.
std::vector<std::string> JudgeCase(OurPahole* pahole, const Case& one,
                                   const Bases& bases,
                                   size_t* compared = nullptr);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_ENCODER_H_
