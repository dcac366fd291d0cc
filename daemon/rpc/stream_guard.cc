// SPDX-License-Identifier: Apache-2.0
//
// Holds every connection to kMaxStreamsOfConnection streams from its first byte
// on. gRPC 1.51 tells a client of the limit in its SETTINGS, and holds it to
// that once the client has acknowledged them; one that never does may begin as
// many streams as it likes, each of which is a call with its memory. HTTP/2
// leaves it to a server to refuse such streams (RFC 9113, 5.1.2).
//
// gRPC has no hook in front of a call, so this takes the place of two functions
// of its HTTP/2 transport, which the linker is asked to call here instead
// (--wrap). For each stream that a client begins, gRPC looks how many there are
// (to compare that with what was acknowledged) and then, on the same thread,
// makes the new one. What is counted in the first is the bound in the second: a
// stream beyond it is not made, as the second may answer, and the client is
// sent RST_STREAM with REFUSED_STREAM, after which it may try again. gRPC
// itself ends a connection that has too many of those waiting to be sent.
//
// The names are those of Debian 12's libgrpc.a. Where they are not there, the
// link fails, and that is the time to see whether this is still needed.
#include <cstddef>
#include <cstdint>

#include "daemon/rpc/stream_limit.h"

namespace {

thread_local size_t streams_seen = 0;

constexpr uint32_t kRefusedStream = 7;  // RFC 9113, 7
// GRPC_CHTTP2_INITIATE_WRITE_RST_STREAM, which is for traces only.
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
