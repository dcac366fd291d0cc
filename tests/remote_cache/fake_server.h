// SPDX-License-Identifier: Apache-2.0
//
// A cache server for tests and benchmarks: the caching part of the Remote
// Execution API in memory. It is as strict as any real server, and it checks
// more of an Action than real ones do. A test can order faults. If a client
// does what the API forbids, the server refuses it and notes a violation.
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
  // Actions must have all their input files in the CAS.
  bool require_inputs = true;
  uint64_t max_batch_bytes = uint64_t{4} << 20;
  std::string token;  // if set, clients must send it as a bearer token
  // TLS, all in PEM. If there is a client CA, clients must show a certificate.
  std::string certificate;
  std::string key;
  std::string client_ca;
};

// What goes wrong. A test may set it at any time.
struct Faults {
  absl::Duration delay;                          // before every answer
  std::map<std::string, absl::Duration> delays;  // the same, by method
  // The code of every answer to that method ("GetActionResult", ...); 0: no
  // error.
  std::map<std::string, int> codes;
  bool wrong_bytes = false;  // one bit is flipped in every blob sent
  bool short_bytes = false;  // every blob ends early
  bool long_bytes = false;   // ByteStream never stops sending
  bool no_blobs = false;     // results are there, their blobs are not
};

// Thread-safe.
class FakeServer {
 public:
  explicit FakeServer(FakeServerOptions options = {});
  ~FakeServer();  // cancels the calls that are under way

  int port() const;
  std::string address() const;  // 127.0.0.1:PORT
  // Stops serving and keeps the content. Start() serves it again on the same
  // port.
  void Stop();
  void Start();

  void SetFaults(const Faults& faults);
  // The number of calls of a method since the beginning.
  int calls(const std::string& method) const;
  // What clients did wrong.
  std::vector<std::string> violations() const;

  size_t blobs() const;
  size_t results() const;
  bool HasBlob(const std::string& bytes) const;
  // Deletes the blob with that content.
  void DropBlob(const std::string& bytes);
  // Rewrites every ActionResult; may add blobs by `put`.
  using Put = std::function<build::bazel::remote::execution::v2::Digest(
      const std::string& bytes)>;
  void EditResults(const std::function<
                   void(build::bazel::remote::execution::v2::ActionResult*,
                        const Put&)>& edit);
  // Every Action with a result, as text: the arguments of its Command.
  std::vector<std::string> commands() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_REMOTE_CACHE_FAKE_SERVER_H_
