// SPDX-License-Identifier: Apache-2.0
//
// The daemon's options. One table (option_list.cc) names every option. Each is
// looked up as a flag (--log_level), then in the environment (BTFD_LOG_LEVEL),
// then in the user's configuration file (`log_level = debug`), then in the
// system's. The first of the four that has it counts.
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
  // Where clients reach it.
  std::string socket;  // path of the Unix socket
  // The socket was named by an option, so its directory need not be ours alone.
  bool shared_directory = false;
  bool foreground = false;

  // What it keeps on disk.
  std::string store_dir;  // empty: none
  bool result_cache = true;
  uint32_t verify_hits = 500;  // one in so many is verified; 0: none
  uint64_t max_result_bytes = uint64_t{1} << 30;
  uint64_t max_stored_base_bytes = uint64_t{1} << 30;

  // What it logs, and where. "-" is stderr. Empty is stderr in the foreground,
  // and a file beside the socket in the background.
  std::string log_file;
  util::LogLevel log_level = util::LogLevel::kInfo;

  // What it may use. Sizes are bytes.
  uint32_t threads = 0;  // requests that compute at once; never 0 once read
  uint64_t max_resident_base_bytes = uint64_t{256} << 20;
  uint64_t max_btf_bytes = uint64_t{64} << 20;  // of one module or base
  uint32_t max_requests_in_flight = 256;
  uint64_t max_bytes_in_flight = uint64_t{256} << 20;
  uint32_t max_connections = 1024;  // of this machine
  // How long a call may stand still before it is ended. A connection without a
  // call is ended after five times that. Infinite: never.
  absl::Duration stall_timeout = absl::Minutes(2);

  // The network: which clients may connect, and how much one client may have in
  // flight (0: no bound). Addresses are HOST:PORT; empty: none. Files are PEM.
  std::string listen;
  bool listen_insecure = false;   // anyone may connect, on purpose
  std::string health_listen;      // grpc.health.v1 alone, in the clear
  std::string metrics_listen;     // HTTP: metrics, and a page for people
  bool metrics_insecure = false;  // anyone may read, on purpose
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;
  uint32_t max_client_requests = 256;
  uint64_t max_client_bytes = uint64_t{128} << 20;

  // The remote daemons to which requests are forwarded; empty: none.
  std::string server;
  std::string server_ca;
  std::string server_certificate;
  std::string server_key;
  absl::Duration server_timeout = absl::Seconds(10);

  // A cache that many hosts share (Remote Execution API); empty: none. All
  // files but the token's are PEM.
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

  // The end: after this long without work (infinite: never); and, once the
  // daemon was told to end, how long requests in flight may take. A daemon that
  // listens to the network does not end without work.
  absl::Duration idle_exit = absl::Hours(3);
  absl::Duration drain_timeout = absl::Seconds(30);

  // What is wrong with the settings in the environment and the configuration
  // file. Each is a line that names the place. Such a setting has its default.
  std::vector<std::string> complaints;
};

// Returns the text of an option in one place, or nothing. The name is that of
// the table.
using OptionLookup =
    std::function<std::optional<std::string>(absl::string_view name)>;

struct OptionInfo {
  absl::string_view name;
  absl::string_view meaning;
  std::string default_value;  // "-": empty, or none
  bool is_switch = false;     // --name alone means 1
};
// All options in the order of the table; `config` is the first.
std::vector<OptionInfo> ListOptions();

// Parses a command line without the program's name. Returns the options by
// name. They have the forms --name=value, --name value, or --name for a switch;
// in a name, a hyphen is the same as an underscore. InvalidArgument for an
// option that does not exist or has no value; FailedPrecondition for an
// argument that is no option.
absl::StatusOr<std::map<std::string, std::string>> ReadCommandLine(
    const std::vector<std::string>& arguments);

// Reads all options. The configuration file is the one that `config` names by
// flag or environment, which must exist; else there may be two, btfd.conf in
// /etc/btfd and in $XDG_CONFIG_HOME/btfd. `system` looks up the other
// environment variables (HOME, XDG_*).
//
// A setting on the command line was meant for this start. So a wrong value
// there is InvalidArgument, which names the flag, or the line of a file that a
// flag named. A setting in the environment or in another configuration file is
// there for every build. So a wrong value there is not used, and becomes a
// complaint. lib/config/config_file.h says which files count as absent.
absl::StatusOr<Options> ReadOptions(const OptionLookup& flag,
                                    const OptionLookup& system);

enum class OptionSource { kFlag, kEnvironment, kFile, kDefault };
// "flag", "environment", "file" or "default".
absl::string_view SourceName(OptionSource source);

struct ShownOption {
  OptionInfo info;
  std::string value;  // in the form in which it is read
  std::string place;  // "--threads", "BTFD_THREADS", "FILE:LINE"; or empty
  OptionSource source;
};
struct ShownOptions {
  std::vector<ShownOption> options;  // in the order of the table
  std::vector<std::string> complaints;
};
// What ReadOptions() would return, and where each value comes from.
absl::StatusOr<ShownOptions> ShowOptions(const OptionLookup& flag,
                                         const OptionLookup& system);

// What is wrong with a configuration file, a line for each.
std::vector<std::string> CheckConfigFile(const std::string& path);

}  // namespace btfd::daemon

#endif  // BTFD_DAEMON_STARTUP_OPTIONS_H_
