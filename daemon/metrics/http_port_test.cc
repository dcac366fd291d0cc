// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics/http_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpPortTest : public ::testing::Test {
 protected:
  HttpPortTest() {
    auto port = HttpPort::Listen("127.0.0.1:0");
    EXPECT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
    port_->Serve([](absl::string_view path) {
      if (path == "/") return HttpAnswer{200, "text/plain", "home"};
      if (path == "/large") {
        return HttpAnswer{200, "text/plain", std::string(4 << 20, 'x')};
      }
      return HttpAnswer{404, "text/plain", absl::StrCat("no ", path)};
    });
  }

  int Connect() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(
        connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  static std::string Rest(int fd) {
    std::string answer;
    char buffer[4096];
    for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0;) {
      answer.append(buffer, static_cast<size_t>(got));
    }
    close(fd);
    return answer;
  }

  std::string Ask(const std::string& request) const {
    const int fd = Connect();
    EXPECT_EQ(write(fd, request.data(), request.size()),
              static_cast<ssize_t>(request.size()));
    return Rest(fd);
  }
  std::string Get(const std::string& path, const std::string& headers = "") {
    return Ask(absl::StrCat("GET ", path, " HTTP/1.1\r\n", headers, "\r\n"));
  }

  std::unique_ptr<HttpPort> port_;
};

TEST_F(HttpPortTest, AnswersPathsWithoutTheirQuery) {
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Get("/?a=b"), HasSubstr("\r\n\r\nhome"));
  EXPECT_THAT(Get("/x"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_EQ(Get("/large").size() >> 20, 4u);
}

TEST_F(HttpPortTest, LetsAPageLoadNothingFromElsewhere) {
  EXPECT_THAT(Get("/"), HasSubstr("\r\nContent-Security-Policy: "
                                  "default-src 'none'; "));
}

TEST_F(HttpPortTest, TakesNothingButGet) {
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET / HTTP/2\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  const std::string head = Ask("HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_THAT(head, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpPortTest, IsNotToBeReachedUnderAForeignName) {
  EXPECT_THAT(Get("/", "Host: evil.example:80\r\n"),
              StartsWith("HTTP/1.1 403 "));
  for (const char* own : {"127.0.0.1:9464", "localhost", "[::1]:9464"}) {
    EXPECT_THAT(Get("/", absl::StrCat("host: ", own, "\r\n")),
                StartsWith("HTTP/1.1 200 "))
        << own;
  }
}

TEST_F(HttpPortTest, ARequestWithoutAnEndIsCutOff) {
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nx: " + std::string(16 << 10, 'x')),
              StartsWith("HTTP/1.1 400 "));
}

// Those that say nothing take up all the room there is, and lose it in time.
TEST_F(HttpPortTest, WhoIsSilentHoldsNobodyUpForLong) {
  std::vector<int> silent;
  for (int i = 0; i < 32; ++i) silent.push_back(Connect());
  const absl::Time start = absl::Now();
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
  for (const int fd : silent) close(fd);
}

TEST_F(HttpPortTest, EndsAtOnceWhateverIsUnderWay) {
  const int silent = Connect();
  const absl::Time start = absl::Now();
  port_ = nullptr;
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
  EXPECT_EQ(Rest(silent), "");
}

TEST_F(HttpPortTest, SaysWhyItCannotListen) {
  const auto taken =
      HttpPort::Listen(absl::StrCat("127.0.0.1:", port_->port()));
  EXPECT_TRUE(absl::IsUnavailable(taken.status())) << taken.status();
  for (const char* wrong :
       {"nowhere", "example.org:1", "127.0.0.1:70000", ""}) {
    EXPECT_TRUE(absl::IsInvalidArgument(HttpPort::Listen(wrong).status()))
        << wrong;
  }
}

// Beyond loopback a machine has names that it does not know itself.
TEST_F(HttpPortTest, OpenToTheNetworkItAnswersToAnyName) {
  auto open = HttpPort::Listen("0.0.0.0:0");
  ASSERT_TRUE(open.ok()) << open.status();
  port_ = *std::move(open);
  port_->Serve([](absl::string_view) { return HttpAnswer(); });
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: builder.example:9464\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
}

TEST(Loopback, IsThisMachinesAlone) {
  for (const char* own :
       {"127.0.0.1:1", "127.8.9.1:1", "localhost:1", "[::1]:1"}) {
    EXPECT_TRUE(IsLoopback(own)) << own;
  }
  for (const char* open : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "x"}) {
    EXPECT_FALSE(IsLoopback(open)) << open;
  }
}

}  // namespace
}  // namespace btfd::daemon
