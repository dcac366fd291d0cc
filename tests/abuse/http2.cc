// SPDX-License-Identifier: Apache-2.0
#include "tests/abuse/http2.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

// RFC 7541, 5.1 and 5.2: the length as an integer with a prefix of seven bits,
// then the bytes.
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

namespace {

uint32_t BigEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// Decodes the fields of header blocks. A block may refer to fields of an
// earlier one (RFC 7541).
class Inflater {
 public:
  Inflater() { nghttp2_hd_inflate_new(&inflater_); }
  ~Inflater() { nghttp2_hd_inflate_del(inflater_); }
  Headers Inflate(absl::string_view block) {
    Headers headers;
    while (true) {
      nghttp2_nv field;
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(
          inflater_, &field, &flags,
          reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      if (used < 0) return {{"broken", "headers"}};
      block.remove_prefix(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        headers.emplace_back(
            std::string(reinterpret_cast<char*>(field.name), field.namelen),
            std::string(reinterpret_cast<char*>(field.value), field.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return headers;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace

std::string Said(const std::string& frames) {
  Inflater inflater;
  std::vector<std::string> words;
  absl::string_view rest = frames;
  while (rest.size() >= 9) {
    const uint32_t length = BigEndian(rest.substr(0, 3));
    const auto type = static_cast<FrameType>(rest[3]);
    const uint8_t flags = rest[4];
    const uint32_t stream = BigEndian(rest.substr(5, 4));
    if (rest.size() - 9 < length) break;
    const absl::string_view payload = rest.substr(9, length);
    rest.remove_prefix(9 + length);
    if (type == FrameType::kGoAway && payload.size() >= 8) {
      words.push_back(absl::StrCat("GOAWAY ", BigEndian(payload.substr(4, 4))));
    } else if (type == FrameType::kRstStream) {
      words.push_back(absl::StrCat("RESET ", stream, ": ", BigEndian(payload)));
    } else if (type == FrameType::kPing && (flags & 1) != 0) {
      words.push_back("PING");
    } else if (type == FrameType::kHeaders) {
      for (const auto& [name, value] : inflater.Inflate(payload)) {
        if (name == "grpc-status") {
          words.push_back(absl::StrCat("ANSWER ", stream, ": ", value));
        } else if (name == "broken" || (name == ":status" && value != "200")) {
          words.push_back(absl::StrCat("HTTP ", stream, ": ", value));
        }
      }
    }
  }
  return absl::StrJoin(words, ", ");
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

std::string RawConnection::ReceiveUntil(const std::string& words,
                                        int milliseconds) {
  std::string frames;
  const absl::Time give_up = absl::Now() + absl::Milliseconds(milliseconds);
  while (absl::Now() < give_up) {
    const std::string said = Said(frames);
    if (absl::StrContains(said, words)) return said;
    pollfd poll_fd = {fd_.get(), POLLIN, 0};
    if (poll(&poll_fd, 1, 20) <= 0) continue;
    char bytes[65536];
    const ssize_t size = recv(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) {
      return Said(frames) + ", CLOSED";
    }
    if (size > 0) frames.append(bytes, size);
  }
  return Said(frames);
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
