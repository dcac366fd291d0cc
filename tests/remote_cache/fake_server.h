// SPDX-License-Identifier: Apache-2.0
//
// A cache server for tests and benchmarks: the Remote Execution API's caching
// half over memory, as strict as any real one (and in what it looks at within
// Actions, stricter), with faults to order. Whatever a client does that the API
// forbids is refused, and noted.
#ifndef BTFD_TESTS_REMOTE_CACHE_FAKE_SERVER_H_
#define BTFD_TESTS_REMOTE_CACHE_FAKE_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/remote_execution.pb.h"

namespace btfd::tests {

struct FakeServerOptions {
  std::string instance;
  int port = 0;  // 0: any free one
  bool inline_outputs = false;
  bool zstd = false;
  bool update_enabled = true;
  // Whether Actions must have all their input files in the CAS.
  bool require_inputs = true;
  uint64_t max_batch_bytes = uint64_t{4} << 20;
  std::string token;  // must come as a bearer token
  // TLS, all PEM; with a client CA, clients must show a certificate.
  std::string certificate;
  std::string key;
  std::string client_ca;
};

// What is to go wrong; set at any time.
struct Faults {
  absl::Duration delay;                          // before every answer
  std::map<std::string, absl::Duration> delays;  // the same, by method
  // Answers to calls of that method ("GetActionResult", ...); 0: none.
  std::map<std::string, int> codes;
  bool wrong_bytes = false;  // one bit of every blob that is sent
  bool short_bytes = false;  // every blob ends early
  bool long_bytes = false;   // ByteStream never stops sending
  bool no_blobs = false;     // results are there, their blobs are not
};

// Thread-safe.
class FakeServer {
 public:
  explicit FakeServer(FakeServerOptions options = {});
  ~FakeServer();  // cancels what is under way

  int port() const;
  std::string address() const;  // 127.0.0.1:PORT
  // Stops serving; what it has stays. Start() serves it again, on that port.
  void Stop();
  void Start();

  void SetFaults(const Faults& faults);
  // Calls by method, since the beginning.
  int calls(const std::string& method) const;
  // What clients did wrong.
  std::vector<std::string> violations() const;

  size_t blobs() const;
  size_t results() const;
  bool HasBlob(const std::string& bytes) const;
  // Forgets the blobs with that content.
  void DropBlob(const std::string& bytes);
  // Rewrites every ActionResult, and may add blobs by `put`.
  using Put = std::function<build::bazel::remote::execution::v2::Digest(
      const std::string& bytes)>;
  void EditResults(const std::function<
                   void(build::bazel::remote::execution::v2::ActionResult*,
                        const Put&)>& edit);
  // Every Action with a result, as text: arguments of its Command.
  std::vector<std::string> commands() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_REMOTE_CACHE_FAKE_SERVER_H_
