#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>

#include "lib/util/digest.h"
#include "proto/btfd.grpc.pb.h"
int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--version") {
    puts("btfc");
    return 0;
  }
  if (argc > 1 && std::string(argv[1]) == "hash") {
    puts(btfd::util::Digest::Of("x").hex().c_str());
    return 0;
  }
  int sv[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
  auto stub =
      btfd::v1::Btfd::NewStub(grpc::CreateInsecureChannelFromFd("x", sv[0]));
  grpc::ClientContext c;
  btfd::v1::GreetRequest q;
  btfd::v1::GreetResponse r;
  c.set_deadline(std::chrono::system_clock::now() +
                 std::chrono::milliseconds(1));
  auto s = stub->Greet(&c, q, &r);
  puts(s.error_message().c_str());
}
