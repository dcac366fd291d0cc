// SPDX-License-Identifier: Apache-2.0
//
// Allows each connection only kMaxStreamsOfConnection streams, from its first
// byte on. gRPC 1.51 tells the client of the limit in its SETTINGS, and
// enforces the limit once the client has acknowledged them. A client that never
// does so may begin any number of streams, and each of them is a call that
// takes memory. HTTP/2 allows a server to refuse such streams (RFC 9113,
// 5.1.2).
//
// gRPC has no hook before a call. So this file replaces two functions of its
// HTTP/2 transport; the linker calls ours instead (--wrap). For each stream
// that a client begins, gRPC first asks how many there are (to compare that
// with the acknowledged limit), and then, on the same thread, makes the new
// stream. Our first function notes the number, and our second one compares it
// with the limit. Beyond the limit it makes no stream, which gRPC permits, and
// sends RST_STREAM with REFUSED_STREAM; the client may then try again. If too
// many of these wait to be sent, gRPC itself ends the connection.
//
// The names are those in Debian 12's libgrpc.a. If they are not there, the link
// fails. Then find out whether this file is still needed.
#include <cstddef>
#include <cstdint>

#include "daemon/rpc/stream_limit.h"

namespace {

thread_local size_t streams_seen = 0;

constexpr uint32_t kRefusedStream = 7;  // RFC 9113, 7
// GRPC_CHTTP2_INITIATE_WRITE_RST_STREAM, which is only used for traces.
constexpr int kBecauseOfReset = 8;

// grpc_transport_one_way_stats: bytes of framing, data and headers.
struct Statistics {
  uint64_t bytes[3] = {};
};

}  // namespace

extern "C" {

size_t __real__Z27grpc_chttp2_stream_map_sizeP22grpc_chttp2_stream_map(
    void* map);
void* __real__Z33grpc_chttp2_parsing_accept_streamP21grpc_chttp2_transportj(
    void* transport, uint32_t id);
void _Z40grpc_chttp2_add_rst_stream_to_next_writeP21grpc_chttp2_transportjjP28grpc_transport_one_way_stats(
    void* transport, uint32_t id, uint32_t code, Statistics* statistics);
void _Z26grpc_chttp2_initiate_writeP21grpc_chttp2_transport33grpc_chttp2_initiate_write_reason(
    void* transport, int reason);

size_t __wrap__Z27grpc_chttp2_stream_map_sizeP22grpc_chttp2_stream_map(
    void* map) {
  streams_seen =
      __real__Z27grpc_chttp2_stream_map_sizeP22grpc_chttp2_stream_map(map);
  return streams_seen;
}

void* __wrap__Z33grpc_chttp2_parsing_accept_streamP21grpc_chttp2_transportj(
    void* transport, uint32_t id) {
  if (streams_seen < btfd::daemon::kMaxStreamsOfConnection) {
    return __real__Z33grpc_chttp2_parsing_accept_streamP21grpc_chttp2_transportj(
        transport, id);
  }
  Statistics unused;
  _Z40grpc_chttp2_add_rst_stream_to_next_writeP21grpc_chttp2_transportjjP28grpc_transport_one_way_stats(
      transport, id, kRefusedStream, &unused);
  _Z26grpc_chttp2_initiate_writeP21grpc_chttp2_transport33grpc_chttp2_initiate_write_reason(
      transport, kBecauseOfReset);
  return nullptr;
}

}  // extern "C"
