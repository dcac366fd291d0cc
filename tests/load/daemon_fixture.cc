// SPDX-License-Identifier: Apache-2.0
#include "tests/load/daemon_fixture.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "lib/util/runtime_paths.h"

namespace btfd::tests {

Footprint FootprintOf(int pid) {
  Footprint footprint;
  const std::string process = absl::StrCat("/proc/", pid);
  std::ifstream status(process + "/status");
  for (std::string key; status >> key;) {
    uint64_t value = 0;
    if (key == "VmRSS:" && status >> value) footprint.resident = value << 10;
    if (key == "VmHWM:" && status >> value) footprint.peak = value << 10;
    if (key == "Threads:" && status >> value) footprint.threads = value;
    status.ignore(4096, '\n');
  }
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(process + "/fd", error)) {
    ++footprint.descriptors;
    const auto target = std::filesystem::read_symlink(entry.path(), error);
    if (absl::StartsWith(target.string(), "socket:")) ++footprint.sockets;
  }
  return footprint;
}

std::string InMiB(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20));
}

void DaemonTest::Start(const std::vector<std::string>& options) {
  std::vector<std::string> environment;
  for (const std::string& option : options) {
    const size_t equals = option.find('=');
    environment.push_back(
        absl::StrCat("BTFD_", absl::AsciiStrToUpper(option.substr(0, equals)),
                     option.substr(equals)));
  }
  const ProcessResult started = daemon_.Client({"start"}, environment);
  ASSERT_EQ(started.exit_code, 0) << started.err;
  const auto pid = Connect()->Greet();
  ASSERT_TRUE(pid.ok()) << pid.status();
  pid_ = *pid;
}

util::UniqueFd DaemonTest::RawConnect() const {
  const std::filesystem::path usual = util::RuntimePathsFor("", 0).socket;
  return ConnectTo(daemon_.runtime_directory() + "/" +
                   usual.filename().string());
}

std::unique_ptr<DaemonClient> DaemonTest::Connect() const {
  util::UniqueFd fd = RawConnect();
  EXPECT_TRUE(fd) << "cannot connect: " << strerror(errno);
  return std::make_unique<DaemonClient>(std::move(fd));
}

v1::GetStatusResponse DaemonTest::Status() const {
  const auto status = Connect()->Status();
  EXPECT_TRUE(status.ok()) << status.status();
  return status.ok() ? *status : v1::GetStatusResponse();
}

uint64_t DaemonTest::Counter(absl::string_view name) const {
  const v1::GetStatusResponse status = Status();
  const auto found = status.counters().find(std::string(name));
  return found == status.counters().end() ? 0 : found->second;
}

void DaemonTest::SendBases(const Workload& workload) const {
  const auto client = Connect();
  for (const std::string& base : workload.bases) {
    const auto added = client->AddBase(base);
    ASSERT_TRUE(added.ok()) << added.status();
    ASSERT_EQ(added->outcome(), v1::OK) << added->message();
  }
}

void DaemonTest::ExpectRight(const Case& asked, DaemonClient* client,
                             bool bypass_cache) const {
  v1::FinalizeRequest request = asked.request;
  request.set_bypass_cache(bypass_cache);
  const auto response = client->Finalize(request);
  ASSERT_TRUE(response.ok()) << asked.name << ": " << response.status();
  ASSERT_EQ(response->outcome(), v1::OK)
      << asked.name << ": " << response->message();
  EXPECT_EQ(SignatureOf(*response), asked.expected) << asked.name;
}

void DaemonTest::Await(const std::function<bool()>& so, absl::string_view what,
                       absl::Duration limit) {
  const absl::Time give_up = absl::Now() + limit;
  while (!so()) {
    ASSERT_LT(absl::Now(), give_up) << "waited in vain: " << what;
    absl::SleepFor(absl::Milliseconds(20));
  }
}

void DaemonTest::ExpectUnharmed(const Case& asked, const Footprint& before,
                                uint64_t slack) const {
  const auto client = Connect();
  const auto pid = client->Greet();
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_EQ(*pid, pid_) << "another daemon";
  ExpectRight(asked, client.get());
  Await([&] { return Status().requests_in_flight() == 0; },
        "nothing in flight");
  const Footprint now = Now();
  EXPECT_LE(now.resident, before.resident + slack + kSanitizerMemory)
      << InMiB(before.resident) << " before, " << InMiB(now.resident)
      << " now, " << InMiB(now.peak) << " at most";
}

}  // namespace btfd::tests
