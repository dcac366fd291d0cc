// SPDX-License-Identifier: Apache-2.0
//
// One call at a time over one HTTP/2 connection. nghttp2 makes and reads the
// frames; this file moves its bytes through the socket, adds and removes gRPC's
// five bytes before a message, and reads the status from the trailers. While an
// answer is awaited and the daemon is silent for `Limits::silence`, a PING asks
// whether it is alive.
#include "client/rpc/direct_connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr size_t kFrameHead = 5;
// Bytes that go through the socket in one system call. A larger buffer would be
// memory that is touched for the first time, and that costs more than one more
// system call.
constexpr size_t kPiece = size_t{32} << 10;
// An answer is read into the memory of its request, which has this many bytes
// to spare: most answers are not longer than that.
constexpr size_t kSlack = size_t{4} << 10;
// The flow-control window. Answers are a few megabytes at most, so the daemon
// never has to wait for this client to open the window further.
constexpr int32_t kWindow = 64 << 20;

nghttp2_nv Header(absl::string_view name, absl::string_view value) {
  const auto bytes = [](absl::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

// gRPC sends error messages with %XX for each character that is not printable.
std::string PercentDecoded(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::SimpleHexAtoi(text.substr(i + 1, 2), &byte)) {
      decoded.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

// The length of the message whose first bytes, gRPC's five among them, are
// `framed`.
size_t MessageLength(absl::string_view framed) {
  size_t length = 0;
  for (size_t i = 1; i < kFrameHead; ++i) {
    length = length << 8 | static_cast<uint8_t>(framed[i]);
  }
  return length;
}

}  // namespace

void GrowingBytes::Reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  void* const moved = realloc(data_, capacity);
  if (moved == nullptr) throw std::bad_alloc();  // as any container
  data_ = static_cast<char*>(moved);
  capacity_ = capacity;
}

char* GrowingBytes::Grow(size_t count) {
  if (count > capacity_ - size_) {
    Reserve(std::max(size_ + count, 2 * capacity_));
  }
  size_ += count;
  return data_ + size_ - count;
}

bool DirectConnection::Exchange::Frame() {
  sent = 0;
  const google::protobuf::MessageLite* const message = (*request)();
  const size_t size = message == nullptr ? 0 : message->ByteSizeLong();
  too_long = size > INT32_MAX;
  if (message == nullptr || too_long) {
    // The answer will have about this length, and this memory was already
    // touched.
    out.clear();
    if (in.empty()) in.swap(out);
    return false;
  }
  out.clear();
  out.Reserve(kFrameHead + size + kSlack);
  char* const framed = out.Grow(kFrameHead + size);
  framed[0] = 0;  // not compressed
  for (size_t i = 1; i < kFrameHead; ++i) {
    framed[i] = static_cast<char>(size >> (8 * (kFrameHead - 1 - i)));
  }
  message->SerializeWithCachedSizesToArray(
      reinterpret_cast<uint8_t*>(framed + kFrameHead));
  return true;
}

ssize_t DirectConnection::OnRead(nghttp2_session*, int32_t, uint8_t* to,
                                 size_t size, uint32_t* flags,
                                 nghttp2_data_source*, void* self) {
  Exchange& exchange = static_cast<DirectConnection*>(self)->exchange_;
  const size_t count = std::min(size, exchange.out.size() - exchange.sent);
  memcpy(to, exchange.out.data() + exchange.sent, count);
  exchange.sent += count;
  if (exchange.sent == exchange.out.size() && !exchange.Frame()) {
    if (exchange.too_long) return NGHTTP2_ERR_CALLBACK_FAILURE;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return static_cast<ssize_t>(count);
}

int DirectConnection::OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                               const uint8_t* name, size_t name_size,
                               const uint8_t* value, size_t value_size, uint8_t,
                               void* self) {
  Exchange& exchange = static_cast<DirectConnection*>(self)->exchange_;
  if (frame->hd.stream_id != exchange.stream) return 0;
  const absl::string_view key(reinterpret_cast<const char*>(name), name_size);
  const absl::string_view text(reinterpret_cast<const char*>(value),
                               value_size);
  if (key == ":status") {
    if (!absl::SimpleAtoi(text, &exchange.http_status))
      return NGHTTP2_ERR_CALLBACK_FAILURE;
  } else if (key == "grpc-status") {
    if (!absl::SimpleAtoi(text, &exchange.grpc_status))
      return NGHTTP2_ERR_CALLBACK_FAILURE;
  } else if (key == "grpc-message") {
    exchange.grpc_message = PercentDecoded(text);
  }
  return 0;
}

int DirectConnection::OnData(nghttp2_session*, uint8_t, int32_t stream,
                             const uint8_t* data, size_t size, void* self) {
  Exchange& exchange = static_cast<DirectConnection*>(self)->exchange_;
  if (stream != exchange.stream) return 0;
  GrowingBytes& in = exchange.in;
  const bool had_head = in.size() >= kFrameHead;
  memcpy(in.Grow(size), data, size);
  if (!had_head && in.size() >= kFrameHead) {
    in.Reserve(kFrameHead +
               std::min<size_t>(MessageLength(in.view()), kWindow));
  }
  return 0;
}

int DirectConnection::OnClose(nghttp2_session*, int32_t stream, uint32_t,
                              void* self) {
  Exchange& exchange = static_cast<DirectConnection*>(self)->exchange_;
  if (stream == exchange.stream) exchange.closed = true;
  return 0;
}

nghttp2_session* DirectConnection::NewSession(DirectConnection* self) {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) return nullptr;
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new(&session, callbacks, self) != 0) {
    session = nullptr;
  }
  nghttp2_session_callbacks_del(callbacks);
  if (session == nullptr) return nullptr;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}};
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
                              std::size(settings)) != 0 ||
      nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                            kWindow) != 0) {
    nghttp2_session_del(session);
    return nullptr;
  }
  return session;
}

DirectConnection::DirectConnection(util::UniqueFd socket)
    : socket_(std::move(socket)), session_(NewSession(this)) {}

absl::Status DirectConnection::Broken(absl::string_view why) {
  broken_ = true;
  return absl::UnavailableError(why);
}

absl::Status DirectConnection::Submit(absl::string_view method,
                                      absl::Duration limit) {
  const std::string timeout =
      absl::StrCat(std::min<int64_t>(absl::ToInt64Milliseconds(limit),
                                     99999999),  // at most eight digits
                   "m");
  const nghttp2_nv headers[] = {
      Header(":method", "POST"),
      Header(":scheme", "http"),
      Header(":path", method),
      Header(":authority", "btfd"),
      Header("te", "trailers"),
      Header("content-type", "application/grpc"),
      Header("grpc-timeout", timeout),
  };
  nghttp2_data_provider body{};
  body.read_callback = OnRead;
  exchange_.stream = nghttp2_submit_request(session_.get(), nullptr, headers,
                                            std::size(headers), &body, nullptr);
  if (exchange_.stream > 0) return absl::OkStatus();
  return Broken(nghttp2_strerror(exchange_.stream));
}

absl::Status DirectConnection::Send() {
  while (true) {
    while (!unsent_.empty()) {
      const ssize_t count = send(socket_.get(), unsent_.data(), unsent_.size(),
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return absl::OkStatus();
      if (count < 0) return Broken(strerror(errno));
      unsent_.erase(0, count);
    }
    while (unsent_.size() < kPiece) {
      const uint8_t* frames = nullptr;
      const ssize_t count = nghttp2_session_mem_send(session_.get(), &frames);
      if (count < 0) return Broken(nghttp2_strerror(static_cast<int>(count)));
      if (count == 0) break;
      unsent_.append(reinterpret_cast<const char*>(frames), count);
    }
    if (unsent_.empty()) return absl::OkStatus();
  }
}

absl::Status DirectConnection::Receive() {
  char buffer[kPiece];
  while (!exchange_.closed) {
    const ssize_t count =
        recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return absl::OkStatus();
    if (count < 0) return Broken(strerror(errno));
    if (count == 0) return Broken("the daemon closed it");
    const ssize_t used = nghttp2_session_mem_recv(
        session_.get(), reinterpret_cast<const uint8_t*>(buffer), count);
    if (used < 0) return Broken(nghttp2_strerror(static_cast<int>(used)));
  }
  return absl::OkStatus();
}

absl::Status DirectConnection::Run(const Limits& limits) {
  const absl::Time end = absl::Now() + limits.call;
  absl::Time heard = absl::Now();
  bool asked = false;
  while (true) {
    RETURN_IF_ERROR(Send());
    if (exchange_.closed) return absl::OkStatus();
    if (nghttp2_session_want_read(session_.get()) == 0) {
      return Broken("it does not speak HTTP/2");
    }
    const absl::Time silent =
        heard + limits.silence + (asked ? limits.probe : absl::ZeroDuration());
    const absl::Duration left = std::min(end, silent) - absl::Now();
    pollfd waiting{socket_.get(),
                   static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT)),
                   0};
    const int ready = poll(
        &waiting, 1, std::max<int>(0, absl::ToInt64Milliseconds(left) + 1));
    if (ready < 0 && errno != EINTR) return Broken(strerror(errno));
    if (ready > 0 && (waiting.revents & ~POLLOUT) != 0) {
      heard = absl::Now();
      asked = false;
      RETURN_IF_ERROR(Receive());
      continue;
    }
    const absl::Time now = absl::Now();
    if (now >= end) {
      broken_ = true;
      return absl::DeadlineExceededError("the daemon took too long");
    }
    if (now < silent) continue;
    if (asked) {
      broken_ = true;
      return absl::DeadlineExceededError("the daemon does not answer");
    }
    // HTTP/2 itself acknowledges SETTINGS, however busy the daemon is. (A PING
    // would do the same, but gRPC's server closes connections with many of
    // them.)
    nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, nullptr, 0);
    asked = true;
  }
}

absl::Status DirectConnection::Conclude(
    google::protobuf::MessageLite* response) {
  const Exchange exchange = std::move(exchange_);
  if (exchange.grpc_status < 0) {
    return Broken(exchange.http_status == 200 || exchange.http_status == 0
                      ? "it ended without a status"
                      : absl::StrCat("HTTP status ", exchange.http_status));
  }
  if (exchange.grpc_status != 0) {
    return absl::Status(static_cast<absl::StatusCode>(exchange.grpc_status),
                        exchange.grpc_message);
  }
  const absl::string_view in = exchange.in.view();
  if (in.size() < kFrameHead || in[0] != 0 ||
      in.size() - kFrameHead != MessageLength(in) ||
      !response->ParseFromArray(in.data() + kFrameHead,
                                static_cast<int>(in.size() - kFrameHead))) {
    return Broken("its answer is no message");
  }
  return absl::OkStatus();
}

absl::Status DirectConnection::Call(
    absl::string_view method, const google::protobuf::MessageLite& request,
    const Limits& limits, google::protobuf::MessageLite* response) {
  const google::protobuf::MessageLite* next = &request;
  return CallWithStream(
      method, [&next] { return std::exchange(next, nullptr); }, limits,
      response);
}

absl::Status DirectConnection::CallWithStream(
    absl::string_view method, Messages request, const Limits& limits,
    google::protobuf::MessageLite* response) {
  if (session_ == nullptr) return Broken("out of memory");
  if (broken_) return Broken("it broke before");
  exchange_ = Exchange();
  exchange_.request = &request;
  exchange_.Frame();
  if (exchange_.too_long) {
    return absl::InvalidArgumentError("a message is longer than 2 GiB");
  }
  RETURN_IF_ERROR(Submit(method, limits.call));
  RETURN_IF_ERROR(Run(limits));
  return Conclude(response);
}

}  // namespace btfd::client
