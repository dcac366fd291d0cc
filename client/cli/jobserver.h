// SPDX-License-Identifier: Apache-2.0
//
// make's jobserver: `make -jN` lets N jobs run at once, and a job that wants
// more threads takes tokens of those that are free. Each token is a byte in a
// pipe or a named pipe, and is given back by writing it.
//
// Source: GNU make 4.4 manual, section 13.1 "Sharing job slots".
#ifndef BTFD_CLIENT_CLI_JOBSERVER_H_
#define BTFD_CLIENT_CLI_JOBSERVER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "lib/util/file.h"

namespace btfd::client {

// Not thread-safe. A process that is killed keeps its tokens, as with all users
// of a jobserver.
class JobserverTokens {
 public:
  // `makeflags` is what make exports as MAKEFLAGS. Takes up to `most` free
  // tokens and does not wait for others. Nothing if there is no jobserver, or
  // this process may not use it.
  static std::optional<JobserverTokens> Take(absl::string_view makeflags,
                                             size_t most);

  JobserverTokens(JobserverTokens&& other) = default;
  ~JobserverTokens();  // gives them back

  size_t count() const { return tokens_.size(); }

 private:
  JobserverTokens(util::UniqueFd read, util::UniqueFd write)
      : read_(std::move(read)), write_(std::move(write)) {}

  util::UniqueFd read_, write_;
  std::string tokens_;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_JOBSERVER_H_
