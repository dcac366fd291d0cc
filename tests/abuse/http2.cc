// SPDX-License-Identifier: Apache-2.0
#include "tests/abuse/http2.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace btfd::tests {

namespace {

void AppendBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int i = bytes - 1; i >= 0; --i) {
    out->push_back(static_cast<char>(value >> (8 * i)));
  }
}

// RFC 7541, 5.1 and 5.2: a length of seven bits and more, then the bytes.
void AppendHpackString(const std::string& text, std::string* out) {
  size_t length = text.size();
  if (length < 127) {
    out->push_back(static_cast<char>(length));
  } else {
    out->push_back(127);
    for (length -= 127; length >= 128; length /= 128) {
      out->push_back(static_cast<char>(length % 128 + 128));
    }
    out->push_back(static_cast<char>(length));
  }
  out->append(text);
}

}  // namespace

std::string Frame(FrameType type, uint8_t flags, uint32_t stream,
                  const std::string& payload, int64_t length) {
  std::string frame;
  AppendBigEndian(length >= 0 ? length : payload.size(), 3, &frame);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  AppendBigEndian(stream, 4, &frame);
  return frame + payload;
}

std::string Preface() {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(FrameType::kSettings, 0, 0);
}

std::string HpackBlock(const Headers& headers) {
  std::string block;
  for (const auto& [name, value] : headers) {
    block.push_back(0);
    AppendHpackString(name, &block);
    AppendHpackString(value, &block);
  }
  return block;
}

Headers CallHeaders(const std::string& method, const Headers& more) {
  Headers headers = {{":method", "POST"},
                     {":scheme", "http"},
                     {":path", "/btfd.v1.Btfd/" + method},
                     {":authority", "btfd"},
                     {"content-type", "application/grpc"},
                     {"te", "trailers"}};
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

std::string GrpcMessage(const std::string& message, bool compressed,
                        int64_t length) {
  std::string framed(1, compressed ? 1 : 0);
  AppendBigEndian(length >= 0 ? length : message.size(), 4, &framed);
  return framed + message;
}

bool RawConnection::Send(const std::string& bytes, bool deaf) {
  absl::string_view rest = bytes;
  const absl::Time give_up = absl::Now() + absl::Seconds(5);
  while (!rest.empty()) {
    if (absl::Now() > give_up) return false;
    pollfd poll_fd = {fd_.get(),
                      static_cast<short>(POLLOUT | (deaf ? 0 : POLLIN)), 0};
    poll(&poll_fd, 1, 100);
    if ((poll_fd.revents & POLLIN) != 0) {
      char dropped[65536];
      if (recv(fd_.get(), dropped, sizeof(dropped), MSG_DONTWAIT) == 0) {
        return false;
      }
    }
    const ssize_t sent =
        send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) rest.remove_prefix(sent);
  }
  return true;
}

std::string RawConnection::Receive(int milliseconds) {
  std::string received;
  const absl::Time give_up = absl::Now() + absl::Milliseconds(milliseconds);
  while (received.size() < (1 << 20)) {
    const int64_t left = absl::ToInt64Milliseconds(give_up - absl::Now());
    pollfd poll_fd = {fd_.get(), POLLIN, 0};
    if (left <= 0 || poll(&poll_fd, 1, static_cast<int>(left)) <= 0) break;
    char bytes[65536];
    const ssize_t size = recv(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size <= 0) break;
    received.append(bytes, size);
  }
  return received;
}

bool RawConnection::AwaitClosed(int milliseconds) {
  const absl::Time give_up = absl::Now() + absl::Milliseconds(milliseconds);
  while (absl::Now() < give_up) {
    pollfd poll_fd = {fd_.get(), POLLIN, 0};
    if (poll(&poll_fd, 1, 20) <= 0) continue;
    char bytes[65536];
    const ssize_t size = recv(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return true;
  }
  return false;
}

}  // namespace btfd::tests
