// SPDX-License-Identifier: Apache-2.0
//
// Runs our pahole and compares it with the real one. It calls the library as
// the client does, without starting processes: a small file takes less time
// than the start of a program.
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
// BTFD_ENCODER_PROGRAM names a program that is run instead, with the additional
// argument --pahole_version=VERSION. `real` means the real pahole; that checks
// the tests themselves.
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
  // By digest. The bases of many small files are small.
  std::map<std::string, std::shared_ptr<const IndexedBase>> bases_;
};

// Empty if both wrote the same bytes, or both wrote nothing; otherwise says
// what differs. If the real pahole crashed, ours must end with an error and
// leave no file. `base` is raw BTF, or empty.
std::string EncodeDifference(const EncodeResult& ours,
                             const EncodeResult& theirs,
                             const std::string& base);

// Runs ours in every way in which the real paholes were run on one case's
// objects. Returns for each run that differs which run it was, and how it
// differs. `compared`, if it is given, gets the number of runs.
std::vector<std::string> JudgeCase(OurPahole* pahole, const Case& one,
                                   const Bases& bases,
                                   size_t* compared = nullptr);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_ENCODER_H_
