// SPDX-License-Identifier: Apache-2.0
#include "client/unary_connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

constexpr size_t kFrameHead = 5;
// Answers are a few megabytes at most: no turn of ours is to be waited for.
constexpr int32_t kWindow = 64 << 20;

nghttp2_nv Header(absl::string_view name, absl::string_view value) {
  const auto bytes = [](absl::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

// gRPC's messages have all but printable characters as %XX.
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

}  // namespace

ssize_t UnaryConnection::OnRead(nghttp2_session*, int32_t, uint8_t* to,
                                size_t size, uint32_t* flags,
                                nghttp2_data_source*, void* self) {
  Exchange& exchange = static_cast<UnaryConnection*>(self)->exchange_;
  const size_t count = std::min(size, exchange.out.size() - exchange.sent);
  memcpy(to, exchange.out.data() + exchange.sent, count);
  exchange.sent += count;
  if (exchange.sent == exchange.out.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

int UnaryConnection::OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                              const uint8_t* name, size_t name_size,
                              const uint8_t* value, size_t value_size, uint8_t,
                              void* self) {
  Exchange& exchange = static_cast<UnaryConnection*>(self)->exchange_;
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

int UnaryConnection::OnData(nghttp2_session*, uint8_t, int32_t stream,
                            const uint8_t* data, size_t size, void* self) {
  Exchange& exchange = static_cast<UnaryConnection*>(self)->exchange_;
  if (stream != exchange.stream) return 0;
  exchange.in.append(reinterpret_cast<const char*>(data), size);
  return 0;
}

int UnaryConnection::OnClose(nghttp2_session*, int32_t stream, uint32_t,
                             void* self) {
  Exchange& exchange = static_cast<UnaryConnection*>(self)->exchange_;
  if (stream == exchange.stream) exchange.closed = true;
  return 0;
}

nghttp2_session* UnaryConnection::NewSession(UnaryConnection* self) {
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

UnaryConnection::UnaryConnection(util::UniqueFd socket)
    : socket_(std::move(socket)), session_(NewSession(this)) {}

absl::Status UnaryConnection::Broken(absl::string_view why) {
  broken_ = true;
  return absl::UnavailableError(why);
}

absl::Status UnaryConnection::Submit(absl::string_view method,
                                     absl::Duration limit) {
  const std::string timeout =
      absl::StrCat(std::min<int64_t>(absl::ToInt64Milliseconds(limit),
                                     99999999),  // no more than eight digits
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

absl::Status UnaryConnection::Send() {
  while (true) {
    while (!unsent_.empty()) {
      const ssize_t count = send(socket_.get(), unsent_.data(), unsent_.size(),
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return absl::OkStatus();
      if (count < 0) return Broken(strerror(errno));
      unsent_.erase(0, count);
    }
    // As much at a time as a socket's buffer takes.
    while (unsent_.size() < size_t{256} << 10) {
      const uint8_t* frames = nullptr;
      const ssize_t count = nghttp2_session_mem_send(session_.get(), &frames);
      if (count < 0) return Broken(nghttp2_strerror(static_cast<int>(count)));
      if (count == 0) break;
      unsent_.append(reinterpret_cast<const char*>(frames), count);
    }
    if (unsent_.empty()) return absl::OkStatus();
  }
}

absl::Status UnaryConnection::Receive() {
  static thread_local char buffer[size_t{64} << 10];
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

absl::Status UnaryConnection::Run(const Limits& limits) {
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
        heard + limits.patience + (asked ? limits.probe : absl::ZeroDuration());
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
    // HTTP/2 acknowledges settings itself, however busy those above it are. (A
    // ping would do the same, but gRPC's server does not like many of them.)
    nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, nullptr, 0);
    asked = true;
  }
}

absl::Status UnaryConnection::Conclude(
    google::protobuf::MessageLite* response) {
  const Exchange& exchange = exchange_;
  if (exchange.grpc_status < 0) {
    return Broken(exchange.http_status == 200 || exchange.http_status == 0
                      ? "it ended without a status"
                      : absl::StrCat("HTTP status ", exchange.http_status));
  }
  if (exchange.grpc_status != 0) {
    return absl::Status(static_cast<absl::StatusCode>(exchange.grpc_status),
                        exchange.grpc_message);
  }
  const auto byte = [&](size_t i) {
    return uint32_t{static_cast<uint8_t>(exchange.in[i])};
  };
  if (exchange.in.size() < kFrameHead || byte(0) != 0 ||
      exchange.in.size() - kFrameHead !=
          (byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4)) ||
      !response->ParseFromArray(
          exchange.in.data() + kFrameHead,
          static_cast<int>(exchange.in.size() - kFrameHead))) {
    return Broken("its answer is no message");
  }
  return absl::OkStatus();
}

absl::Status UnaryConnection::Call(absl::string_view method,
                                   const google::protobuf::MessageLite& request,
                                   const Limits& limits,
                                   google::protobuf::MessageLite* response) {
  if (session_ == nullptr) return Broken("out of memory");
  if (broken_) return Broken("it broke before");
  const size_t size = request.ByteSizeLong();
  if (size > INT32_MAX) {
    return absl::InvalidArgumentError("a message is longer than 2 GiB");
  }
  exchange_ = Exchange();
  exchange_.out.resize(kFrameHead + size);  // the first byte: not compressed
  for (size_t i = 1; i < kFrameHead; ++i) {
    exchange_.out[i] = static_cast<char>(size >> (8 * (kFrameHead - 1 - i)));
  }
  request.SerializeWithCachedSizesToArray(
      reinterpret_cast<uint8_t*>(&exchange_.out[kFrameHead]));
  RETURN_IF_ERROR(Submit(method, limits.call));
  RETURN_IF_ERROR(Run(limits));
  return Conclude(response);
}

}  // namespace btfd::client
