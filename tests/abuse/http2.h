// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 written by hand (RFC 9113, RFC 7541). The tests use it to send a gRPC
// server what no library would send: frames of any kind in any order.
#ifndef BTFD_TESTS_ABUSE_HTTP2_H_
#define BTFD_TESTS_ABUSE_HTTP2_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/util/file.h"

namespace btfd::tests {

using Headers = std::vector<std::pair<std::string, std::string>>;

enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
inline constexpr uint8_t kEndStream = 1;   // of DATA, HEADERS; else ACK
inline constexpr uint8_t kEndHeaders = 4;  // of HEADERS and CONTINUATION

// One frame. If `length` is given, the header says that length instead of the
// payload's.
std::string Frame(FrameType type, uint8_t flags, uint32_t stream,
                  const std::string& payload = "", int64_t length = -1);
// The beginning of a connection: the preface and empty SETTINGS.
std::string Preface();
// A header block; no field in it is indexed.
std::string HpackBlock(const Headers& headers);
// The headers that begin a call of a method of btfd; `more` is added.
Headers CallHeaders(const std::string& method, const Headers& more = {});
// A message in gRPC's framing. If `length` is given, the frame says that
// length.
std::string GrpcMessage(const std::string& message, bool compressed = false,
                        int64_t length = -1);

// Describes the frames of a server in words, in their order, separated by
// commas: "GOAWAY 1", "RESET 3: 8" (stream and error code), "ANSWER 1: 12"
// (stream and grpc-status), "HTTP 1: 415" (an answer without gRPC), "PING" (the
// answer to a ping). Other frames are left out.
std::string Said(const std::string& frames);

// A connection that sends exactly the bytes that a test gives it.
class RawConnection {
 public:
  explicit RawConnection(util::UniqueFd fd) : fd_(std::move(fd)) {}

  // Returns false once the other side has closed the connection, or has taken
  // no bytes for long. What the other side sends meanwhile is read and dropped,
  // unless `deaf`.
  bool Send(const std::string& bytes, bool deaf = false);
  // Returns the bytes that come within that time, at most about 1 MB.
  std::string Receive(int milliseconds);
  // Receives until Said() contains `words`, the other side closes, or the time
  // is over. Returns what Said() gives, with ", CLOSED" at its end if the other
  // side closed.
  std::string ReceiveUntil(const std::string& words, int milliseconds);
  // Waits at most that long; true once the other side has closed.
  bool AwaitClosed(int milliseconds);
  int fd() const { return fd_.get(); }
  void Close() { fd_.Reset(); }

 private:
  util::UniqueFd fd_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_ABUSE_HTTP2_H_
