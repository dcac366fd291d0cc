// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 by hand (RFC 9113, RFC 7541), as far as it takes to send a gRPC server
// what no library would: frames of any kind in any order.
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
inline constexpr uint8_t kEndStream = 1;   // of DATA and HEADERS; ACK of others
inline constexpr uint8_t kEndHeaders = 4;  // of HEADERS and CONTINUATION

// One frame. `length`, where given, is claimed instead of the payload's.
std::string Frame(FrameType type, uint8_t flags, uint32_t stream,
                  const std::string& payload = "", int64_t length = -1);
// The connection's beginning: preface and empty SETTINGS.
std::string Preface();
// Header fields, none of them indexed.
std::string HpackBlock(const Headers& headers);
// What a call of a method of btfd begins with; `more` is added.
Headers CallHeaders(const std::string& method, const Headers& more = {});
// gRPC's framing of a message. `length`, where given, is claimed instead.
std::string GrpcMessage(const std::string& message, bool compressed = false,
                        int64_t length = -1);

// What the frames of a server say, in words and in their order, with commas
// between: "GOAWAY 1", "RESET 3: 8" (stream and error code), "ANSWER 1: 12"
// (stream and grpc-status), "HTTP 1: 415" (an answer that is no gRPC's), "PING"
// (an answered one). Frames that say nothing of this kind are passed over.
std::string Said(const std::string& frames);

// A connection that says whatever it is told to.
class RawConnection {
 public:
  explicit RawConnection(util::UniqueFd fd) : fd_(std::move(fd)) {}

  // False once the other side has closed, or takes nothing for long. What it
  // says meanwhile is read and dropped, unless `deaf`.
  bool Send(const std::string& bytes, bool deaf = false);
  // What comes within that time, at most about 1 MB.
  std::string Receive(int milliseconds);
  // Receives until Said() contains `words`, or the other side closes, or that
  // time is over; what it said, and ", CLOSED" if it closed.
  std::string ReceiveUntil(const std::string& words, int milliseconds);
  // True once the other side has closed; waits that long for it.
  bool AwaitClosed(int milliseconds);
  int fd() const { return fd_.get(); }
  void Close() { fd_.Reset(); }

 private:
  util::UniqueFd fd_;
};

}  // namespace btfd::tests

#endif  // BTFD_TESTS_ABUSE_HTTP2_H_
