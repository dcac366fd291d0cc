// SPDX-License-Identifier: Apache-2.0
//
// What can be set about the daemon. One table (option_list.cc) names every
// option; each is looked up as a flag (--log_level), then in the environment
// (BTFD_LOG_LEVEL), then in the configuration file (`log_level = debug`), and
// the first of the three that has it counts.
#ifndef BTFD_DAEMON_STARTUP_OPTIONS_H_
#define BTFD_DAEMON_STARTUP_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "lib/util/log.h"

namespace btfd::daemon {

struct Options {
  // Where it is reached.
  std::string socket;  // path of the Unix socket
  // The socket was named by an option: its directory need not be ours alone.
  bool shared_directory = false;
  // Inherited connections to serve instead, until the first of them ends.
  std::vector<int> connection_fds;
  bool foreground = false;

  // What it keeps on disk.
  std::string store_dir;  // empty: nothing
  bool result_cache = true;
  uint32_t verify_hits = 500;  // one in so many is computed anew; 0: none
  uint64_t max_result_bytes = uint64_t{1} << 30;
  uint64_t max_stored_base_bytes = uint64_t{1} << 30;

  // What it says, and where: "-" is stderr; empty is stderr in the foreground
  // and a file beside the socket in the background.
  std::string log_file;
  util::LogLevel log_level = util::LogLevel::kInfo;

  // What it may use. Sizes are bytes.
  uint32_t threads = 0;  // requests that compute at once; never 0 once read
  uint64_t max_resident_base_bytes = uint64_t{256} << 20;
  uint64_t max_btf_bytes = uint64_t{64} << 20;  // one module's, one base's
  uint32_t max_requests_in_flight = 256;
  uint64_t max_bytes_in_flight = uint64_t{256} << 20;
  uint32_t max_connections = 1024;  // of this machine
  // How long a call may stand still, and five times that a connection without
  // a call, before it is ended (infinite: for ever).
  absl::Duration stall_timeout = absl::Minutes(2);

  // Which clients may connect over the network, and what one may have in flight
  // (0: no bound). Addresses are HOST:PORT; empty: none. Files are PEM.
  std::string listen;
  bool listen_insecure = false;  // anyone may connect, and was meant to
  std::string health_listen;     // grpc.health.v1 alone, in the clear
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;
  uint32_t max_client_requests = 256;
  uint64_t max_client_bytes = uint64_t{128} << 20;

  // Remote daemons that requests are handed on to; empty: none.
  std::string server;
  std::string server_ca;
  std::string server_certificate;
  std::string server_key;
  absl::Duration server_timeout = absl::Seconds(10);

  // A cache that many hosts share (Remote Execution API); empty: none. Files
  // are PEM, but for the token's.
  std::string remote_cache;  // grpc[s]://HOST:PORT
  std::string remote_instance;
  std::string remote_ca;
  std::string remote_certificate;
  std::string remote_key;
  std::string remote_token_file;
  bool remote_read_only = false;
  bool remote_upload_inputs = true;
  bool remote_compression = true;
  absl::Duration remote_timeout = absl::Seconds(1);
  uint64_t remote_min_rate = uint64_t{1} << 20;  // bytes a second
  uint64_t max_remote_upload_bytes = uint64_t{256} << 20;

  // When it ends: after this long without work (infinite: never), and after at
  // most this long once it was told to. A daemon that listens to the network
  // stays.
  absl::Duration idle_exit = absl::Hours(3);
  absl::Duration drain_timeout = absl::Seconds(30);

  // What was wrong with the settings of environment and configuration file, a
  // line each that names the place; each such setting has its default.
  std::vector<std::string> complaints;
};

// The text of an option in one place, or nothing. The name is as in the table.
using OptionLookup =
    std::function<std::optional<std::string>(absl::string_view name)>;

struct OptionInfo {
  absl::string_view name;
  absl::string_view meaning;
  std::string default_value;  // "-" is empty, or none
  bool is_switch = false;     // --name alone says 1
};
// Every option, in the order of the table; `config` is the first.
std::vector<OptionInfo> ListOptions();

// The options of a command line, without the program's name, by name:
// --name=value, --name value, or --name for a switch; a hyphen in a name is as
// good as an underscore. InvalidArgument for an option that does not exist or
// has no value, FailedPrecondition for an argument that is no option.
absl::StatusOr<std::map<std::string, std::string>> ReadCommandLine(
    const std::vector<std::string>& arguments);

// Reads all options. The configuration file is the one that `config` names by
// flag or environment (which must be there then), else
// $XDG_CONFIG_HOME/btfd/btfd.conf, which need not be. `system` answers for the
// plain environment variables (HOME, XDG_*).
//
// What stands on the command line was meant for this start: InvalidArgument
// names the flag with a wrong value, or the line of a file that a flag named.
// What stands in the environment or in another configuration file is there for
// every build: a wrong value there is not used, and is a complaint. The default
// file counts as absent also where it cannot be read.
absl::StatusOr<Options> ReadOptions(const OptionLookup& flag,
                                    const OptionLookup& system);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_OPTIONS_H_
