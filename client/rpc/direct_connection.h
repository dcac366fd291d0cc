// SPDX-License-Identifier: Apache-2.0
//
// Makes gRPC calls over a socket, one at a time, without the gRPC library: a
// client that asks one thing and ends would spend more time on gRPC's threads
// and channel than on its module. nghttp2 does HTTP/2. This class does gRPC's
// framing (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md):
// before each message are five bytes, a flag for compression (not used here)
// and the length, big-endian. The status is in the trailers.
#ifndef BTFD_CLIENT_RPC_DIRECT_CONNECTION_H_
#define BTFD_CLIENT_RPC_DIRECT_CONNECTION_H_

#include <google/protobuf/message_lite.h>
#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "lib/util/file.h"

namespace btfd::client {

// Bytes that grow at their end. What is new is not set to zero first, as in a
// string: a request is as large as a module's BTF.
class GrowingBytes {
 public:
  GrowingBytes() = default;
  GrowingBytes(GrowingBytes&& other) noexcept { swap(other); }
  GrowingBytes& operator=(GrowingBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~GrowingBytes() { free(data_); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const char* data() const { return data_; }
  absl::string_view view() const { return {data_, size_}; }
  void clear() { size_ = 0; }
  void Reserve(size_t capacity);
  // Adds `count` bytes, whatever they are; the first of them.
  char* Grow(size_t count);
  void swap(GrowingBytes& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  char* data_ = nullptr;  // of malloc()
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Not thread-safe.
class DirectConnection {
 public:
  struct Limits {
    absl::Duration call;     // for the whole call
    absl::Duration silence;  // without bytes of the peer; then comes a probe
    absl::Duration probe;    // for the reply to the probe
  };

  // `socket` is connected and non-blocking.
  explicit DirectConnection(util::UniqueFd socket);

  // Calls `method` ("/package.Service/Name"). Returns the status in the
  // trailers; DeadlineExceeded; or Unavailable if the connection broke, after
  // which no other call can succeed.
  absl::Status Call(absl::string_view method,
                    const google::protobuf::MessageLite& request,
                    const Limits& limits,
                    google::protobuf::MessageLite* response);

  // Returns the next message of a request, or null after the last one. The
  // message must be valid until the next one is asked for.
  using Messages = absl::FunctionRef<const google::protobuf::MessageLite*()>;
  // The same for a method that takes a stream of messages.
  absl::Status CallWithStream(absl::string_view method, Messages request,
                              const Limits& limits,
                              google::protobuf::MessageLite* response);

 private:
  struct DeleteSession {
    void operator()(nghttp2_session* session) const {
      nghttp2_session_del(session);
    }
  };
  // The one call that is under way.
  struct Exchange {
    // Frames the next message. False if there is none, or if it is too long.
    bool Frame();

    const Messages* request = nullptr;
    int32_t stream = 0;
    GrowingBytes out;  // framed
    size_t sent = 0;
    GrowingBytes in;  // framed
    int http_status = 0;
    int grpc_status = -1;
    std::string grpc_message;
    bool too_long = false;
    bool closed = false;
  };

  absl::Status Broken(absl::string_view why);
  absl::Status Submit(absl::string_view method, absl::Duration limit);
  // Sends as much as the socket accepts.
  absl::Status Send();
  absl::Status Receive();
  // Sends and receives until the call is closed.
  absl::Status Run(const Limits& limits);
  absl::Status Conclude(google::protobuf::MessageLite* response);

  static nghttp2_session* NewSession(DirectConnection* self);
  // Callbacks of nghttp2; `self` is the connection.
  static ssize_t OnRead(nghttp2_session*, int32_t stream, uint8_t* to,
                        size_t size, uint32_t* flags,
                        nghttp2_data_source* source, void* self);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                      const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t flags,
                      void* self);
  static int OnData(nghttp2_session*, uint8_t flags, int32_t stream,
                    const uint8_t* data, size_t size, void* self);
  static int OnClose(nghttp2_session*, int32_t stream, uint32_t error,
                     void* self);

  util::UniqueFd socket_;
  std::unique_ptr<nghttp2_session, DeleteSession> session_;
  Exchange exchange_;
  std::string unsent_;  // bytes of frames
  bool broken_ = false;
};

}  // namespace btfd::client

#endif  // BTFD_CLIENT_RPC_DIRECT_CONNECTION_H_
