// SPDX-License-Identifier: Apache-2.0
#include "tests/farm/farm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/support/json.h"

namespace btfd::tests {

namespace fs = std::filesystem;

namespace {}  // namespace

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

void Await(const std::function<bool()>& so, const std::string& what) {
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  while (!so()) {
    ASSERT_LT(absl::Now(), give_up) << "waited in vain: " << what;
    absl::SleepFor(absl::Milliseconds(10));
  }
}

void FarmDaemon::Start() {
  const ProcessResult started = Client({"start"});
  ASSERT_EQ(started.exit_code, 0) << started.err << Log();
  const absl::StatusOr<int> pid = daemon_.Pid();
  ASSERT_TRUE(pid.ok()) << pid.status() << Log();
  pid_ = *pid;
}

void FarmDaemon::Kill(int signal) const {
  ASSERT_GT(pid_, 0);
  ASSERT_EQ(kill(pid_, signal), 0);
}

uint64_t FarmDaemon::Count(const std::string& counter) const {
  const ProcessResult status = Client({"status", "--json"});
  EXPECT_EQ(status.exit_code, 0) << status.err << Log();
  return JsonNumberAt(status.out, "counters." + counter);
}

uint64_t FarmDaemon::Bases() const {
  return JsonNumberAt(Client({"status", "--json"}).out, "bases");
}

FarmTest::FarmTest() {
  CertificateSubject server;
  server.name = "server";
  server.dns_names = {"localhost"};
  server.addresses = {"127.0.0.1"};
  Issue(&authority_, "server", server);
  Issue(&authority_, "builder");
  WriteFile(File("ca.crt"), authority_.pem());
  WriteFile(File("stranger.ca.crt"), stranger_.pem());
}

void FarmTest::SetUp() {
  const auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  kernel_ = *kernel;
}

void FarmTest::TearDown() {}

void FarmTest::Issue(CertificateAuthority* authority, const std::string& name,
                     CertificateSubject subject) {
  if (subject.name == CertificateSubject().name) subject.name = name;
  authority->Issue(subject).WriteTo(files_.path(), name);
}

std::unique_ptr<FarmDaemon> FarmTest::StartRemote(
    int port, const std::vector<std::string>& more) const {
  std::vector<std::string> settings = {
      absl::StrCat("BTFD_LISTEN=127.0.0.1:", port),
      "BTFD_TLS_CERTIFICATE=" + File("server.crt"),
      "BTFD_TLS_KEY=" + File("server.key"),
      "BTFD_TLS_CLIENT_CA=" + File("ca.crt"),
  };
  settings.insert(settings.end(), more.begin(), more.end());
  auto daemon = std::make_unique<FarmDaemon>(settings);
  daemon->Start();
  return daemon;
}

std::unique_ptr<FarmDaemon> FarmTest::StartBuilder(
    const std::string& server, const std::string& certificate,
    const std::vector<std::string>& more) const {
  std::vector<std::string> settings = {
      "BTFD_SERVER=" + server,
      "BTFD_SERVER_CA=" + File("ca.crt"),
  };
  if (!certificate.empty()) {
    settings.push_back("BTFD_SERVER_CERTIFICATE=" + File(certificate + ".crt"));
    settings.push_back("BTFD_SERVER_KEY=" + File(certificate + ".key"));
  }
  settings.insert(settings.end(), more.begin(), more.end());
  auto daemon = std::make_unique<FarmDaemon>(settings);
  daemon->Start();
  return daemon;
}

std::string FarmTest::Server(const std::vector<int>& ports) {
  return absl::StrCat("grpcs://",
                      absl::StrJoin(ports, ",", [](std::string* out, int port) {
                        absl::StrAppend(out, "127.0.0.1:", port);
                      }));
}

std::vector<std::string> FarmTest::SmallModules(size_t count) const {
  std::vector<std::string> modules = kernel_.modules;
  std::sort(modules.begin(), modules.end(), [](const auto& a, const auto& b) {
    return fs::file_size(a) < fs::file_size(b);
  });
  const auto first = modules.begin() + modules.size() / 4;
  return {first, first + count};
}

FarmTest::Build FarmTest::Finalize(
    const FarmDaemon& daemon, const std::vector<std::string>& modules) const {
  const ScratchDir directory;
  std::vector<std::string> arguments = {
      "finalize",      "--base",           kernel_.vmlinux_btf,
      "--profile=7.3", "--distill=always", "--drop-signature",
      "-j16"};
  for (const std::string& module : modules) {
    const std::string copy =
        directory.file(fs::path(module).filename().string());
    fs::copy_file(module, copy);
    arguments.push_back(copy);
  }
  const ProcessResult result = daemon.Client(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err << daemon.Log();
  Build build;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    build[entry.path().filename().string()] = ReadFileOrEmpty(entry.path());
  }
  EXPECT_EQ(build.size(), modules.size());
  return build;
}

FarmTest::Build FarmTest::Expected(
    const std::vector<std::string>& modules) const {
  FarmDaemon alone({});
  alone.Start();
  return Finalize(alone, modules);
}

}  // namespace btfd::tests
