// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/options.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::daemon {

namespace {

absl::Status ReadText(absl::string_view text, std::string* value) {
  *value = std::string(text);
  return absl::OkStatus();
}

absl::Status ReadBool(absl::string_view text, bool* value) {
  if (text == "1" || text == "true" || text == "yes" || text == "on") {
    *value = true;
  } else if (text == "0" || text == "false" || text == "no" || text == "off") {
    *value = false;
  } else {
    return absl::InvalidArgumentError("must be 1 or 0, true or false");
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status ReadNumber(absl::string_view text, Number* value) {
  if (absl::SimpleAtoi(text, value)) return absl::OkStatus();
  return absl::InvalidArgumentError("must be a whole number");
}

// Bytes, with K, M or G for 2^10, 2^20, 2^30.
absl::Status ReadBytes(absl::string_view text, uint64_t* value) {
  int shift = 0;
  if (absl::EndsWithIgnoreCase(text, "K")) shift = 10;
  if (absl::EndsWithIgnoreCase(text, "M")) shift = 20;
  if (absl::EndsWithIgnoreCase(text, "G")) shift = 30;
  if (shift > 0) text.remove_suffix(1);
  uint64_t units;
  if (!absl::SimpleAtoi(text, &units) || units > (UINT64_MAX >> shift)) {
    return absl::InvalidArgumentError(
        "must be a number of bytes, such as 4096, 512K, 64M or 1G");
  }
  *value = units << shift;
  return absl::OkStatus();
}

// Seconds, or with a unit as in "90s", "15m", "3h".
absl::Status ReadDuration(absl::string_view text, absl::Duration* value) {
  double seconds;
  if (absl::SimpleAtod(text, &seconds)) {
    *value = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, value)) {
    *value = absl::Seconds(-1);
  }
  if (*value >= absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError("must be seconds, or such as 90s, 15m, 3h");
}

absl::Status AtLeast(uint64_t least, uint64_t value) {
  if (value >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("must be at least ", least));
}

struct Spec {
  OptionInfo info;
  absl::Status (*read)(absl::string_view text, Options* options);
};

const Spec kSpecs[] = {
    {{"socket",
      "path of the Unix socket; default $XDG_RUNTIME_DIR/btfd/btfd-2.2.sock, "
      "else /tmp/btfd-UID/btfd-2.2.sock"},
     [](absl::string_view text, Options* o) {
       o->shared_directory = true;
       return ReadText(text, &o->socket);
     }},
    {{"connection_fd",
      "serve inherited connections, descriptors with commas between, until "
      "the first of them ends"},
     [](absl::string_view text, Options* o) {
       for (const absl::string_view number : absl::StrSplit(text, ',')) {
         int fd;
         RETURN_IF_ERROR(ReadNumber(number, &fd));
         if (fd < 3) {
           return absl::InvalidArgumentError("must be descriptors from 3 up");
         }
         o->connection_fds.push_back(fd);
       }
       return absl::OkStatus();
     }},
    {{"foreground", "stay in the foreground, log to stderr; default 0"},
     [](absl::string_view text, Options* o) {
       return ReadBool(text, &o->foreground);
     }},
    {{"store_dir",
      "directory of the database; default $XDG_CACHE_HOME/btfd; empty: none"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->store_dir);
     }},
    {{"result_cache",
      "whether results are looked up and kept in the store; default 1"},
     [](absl::string_view text, Options* o) {
       return ReadBool(text, &o->result_cache);
     }},
    {{"verify_hits",
      "of how many results taken from the cache one is computed anew, in the "
      "background, and compared; 0: none; default 500"},
     [](absl::string_view text, Options* o) {
       return ReadNumber(text, &o->verify_hits);
     }},
    {{"max_result_bytes", "results kept in the store; default 1G"},
     [](absl::string_view text, Options* o) {
       return ReadBytes(text, &o->max_result_bytes);
     }},
    {{"max_stored_base_bytes", "bases kept in the store; default 1G"},
     [](absl::string_view text, Options* o) {
       return ReadBytes(text, &o->max_stored_base_bytes);
     }},
    {{"log_file",
      "default btfd-2.2.log beside the socket; - and, in the foreground, by "
      "default: stderr"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->log_file);
     }},
    {{"log_level", "debug, info, warning or error; default info"},
     [](absl::string_view text, Options* o) -> absl::Status {
       ASSIGN_OR_RETURN(o->log_level, util::ParseLogLevel(text));
       return absl::OkStatus();
     }},
    {{"threads", "modules worked on at once; default: one a core"},
     [](absl::string_view text, Options* o) {
       RETURN_IF_ERROR(ReadNumber(text, &o->threads));
       return AtLeast(1, o->threads);
     }},
    {{"max_resident_base_bytes",
      "memory for bases and their indexes that no request holds; default "
      "256M"},
     [](absl::string_view text, Options* o) {
       return ReadBytes(text, &o->max_resident_base_bytes);
     }},
    {{"max_btf_bytes", "size of one module's or one base's BTF; default 64M"},
     [](absl::string_view text, Options* o) {
       RETURN_IF_ERROR(ReadBytes(text, &o->max_btf_bytes));
       if (o->max_btf_bytes > uint64_t{1} << 30) {
         return absl::InvalidArgumentError("must be at most 1G");
       }
       return AtLeast(1, o->max_btf_bytes);
     }},
    {{"max_requests_in_flight",
      "requests that are taken in at once, the others wait; default 256"},
     [](absl::string_view text, Options* o) {
       RETURN_IF_ERROR(ReadNumber(text, &o->max_requests_in_flight));
       return AtLeast(1, o->max_requests_in_flight);
     }},
    {{"max_bytes_in_flight",
      "BTF that is taken in at once, the rest waits; default 256M"},
     [](absl::string_view text, Options* o) {
       return ReadBytes(text, &o->max_bytes_in_flight);
     }},
    {{"max_connections",
      "connections of this machine; further ones are closed; default 1024"},
     [](absl::string_view text, Options* o) {
       RETURN_IF_ERROR(ReadNumber(text, &o->max_connections));
       return AtLeast(1, o->max_connections);
     }},
    {{"stall_timeout",
      "end a call on which nothing was sent or received for this long, and a "
      "connection without calls after five times that; default 2m; 0: never"},
     [](absl::string_view text, Options* o) {
       RETURN_IF_ERROR(ReadDuration(text, &o->stall_timeout));
       if (o->stall_timeout == absl::ZeroDuration()) {
         o->stall_timeout = absl::InfiniteDuration();
       }
       return absl::OkStatus();
     }},
    {{"listen",
      "HOST:PORT where remote daemons may connect; beyond loopback it needs "
      "tls_certificate, tls_key and tls_client_ca"},
     [](absl::string_view text, Options* o) {
       // The farm may be silent for a night.
       if (!text.empty()) o->idle_exit = absl::InfiniteDuration();
       return ReadText(text, &o->listen);
     }},
    {{"listen_insecure",
      "yes-anyone-may-connect: listen beyond loopback without client "
      "certificates, or in the clear"},
     [](absl::string_view text, Options* o) -> absl::Status {
       o->listen_insecure = text == "yes-anyone-may-connect";
       if (o->listen_insecure || text.empty()) return absl::OkStatus();
       return absl::InvalidArgumentError(
           "must be yes-anyone-may-connect, or left out");
     }},
    {{"health_listen",
      "HOST:PORT where grpc.health.v1 answers in the clear, for balancers that "
      "have no certificate; nothing else does there"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->health_listen);
     }},
    {{"tls_certificate", "PEM file: what listen shows to remote daemons"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->tls_certificate);
     }},
    {{"tls_key", "PEM file: the key of tls_certificate"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->tls_key);
     }},
    {{"tls_client_ca",
      "PEM file: who signs the certificates of those that may connect"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->tls_client_ca);
     }},
    {{"max_client_requests",
      "requests of one remote client at once, more get BUSY; default 256; 0: "
      "no bound"},
     [](absl::string_view text, Options* o) {
       return ReadNumber(text, &o->max_client_requests);
     }},
    {{"max_client_bytes",
      "BTF of one remote client at once; default 128M; 0: no bound"},
     [](absl::string_view text, Options* o) {
       return ReadBytes(text, &o->max_client_bytes);
     }},
    {{"server",
      "remote daemons that do the work: grpcs://HOST:PORT[,HOST:PORT], or "
      "dns:///NAME:PORT"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->server);
     }},
    {{"server_ca",
      "PEM file: who signs their certificates; default: the machine's own"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->server_ca);
     }},
    {{"server_certificate", "PEM file: what is shown to them"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->server_certificate);
     }},
    {{"server_key", "PEM file: the key of server_certificate"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->server_key);
     }},
    {{"server_timeout",
      "how long they may take for a request before it is worked on here; "
      "default 10s"},
     [](absl::string_view text, Options* o) {
       return ReadDuration(text, &o->server_timeout);
     }},
    {{"remote_cache",
      "a cache that many hosts share, of the Remote Execution API: "
      "grpc[s]://HOST:PORT"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->remote_cache);
     }},
    {{"remote_instance", "its instance name; default: none"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->remote_instance);
     }},
    {{"remote_ca",
      "PEM file: who signs its certificate; default: the machine's"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->remote_ca);
     }},
    {{"remote_certificate", "PEM file: what is shown to it"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->remote_certificate);
     }},
    {{"remote_key", "PEM file: the key of remote_certificate"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->remote_key);
     }},
    {{"remote_token_file", "file with a bearer token for it"},
     [](absl::string_view text, Options* o) {
       return ReadText(text, &o->remote_token_file);
     }},
    {{"remote_read_only", "results are taken from it, none given; default 0"},
     [](absl::string_view text, Options* o) {
       return ReadBool(text, &o->remote_read_only);
     }},
    {{"remote_upload_inputs",
      "modules' own BTF goes there along with results; default 1"},
     [](absl::string_view text, Options* o) {
       return ReadBool(text, &o->remote_upload_inputs);
     }},
    {{"remote_compression", "zstd, if it offers that; default 1"},
     [](absl::string_view text, Options* o) {
       return ReadBool(text, &o->remote_compression);
     }},
    {{"remote_timeout",
      "what it may take for an answer, besides the time for its bytes; default "
      "250ms"},
     [](absl::string_view text, Options* o) {
       return ReadDuration(text, &o->remote_timeout);
     }},
    {{"remote_min_rate",
      "bytes a second below which it is too slow; default 1M"},
     [](absl::string_view text, Options* o) {
       RETURN_IF_ERROR(ReadBytes(text, &o->remote_min_rate));
       return AtLeast(1, o->remote_min_rate);
     }},
    {{"max_remote_upload_bytes",
      "what may wait to be given to it, in memory; default 256M"},
     [](absl::string_view text, Options* o) {
       return ReadBytes(text, &o->max_remote_upload_bytes);
     }},
    {{"idle_exit",
      "exit after this long without work; default 3h, never with listen; 0: "
      "never"},
     [](absl::string_view text, Options* o) {
       RETURN_IF_ERROR(ReadDuration(text, &o->idle_exit));
       if (o->idle_exit == absl::ZeroDuration()) {
         o->idle_exit = absl::InfiniteDuration();
       }
       return absl::OkStatus();
     }},
    {{"drain_timeout",
      "how long requests in flight may take after SIGTERM; default 30s"},
     [](absl::string_view text, Options* o) {
       return ReadDuration(text, &o->drain_timeout);
     }},
};

constexpr OptionInfo kConfig = {
    "config", "configuration file; default $XDG_CONFIG_HOME/btfd/btfd.conf"};

std::string EnvironmentName(absl::string_view name) {
  return absl::StrCat("BTFD_", absl::AsciiStrToUpper(name));
}

struct ConfigValue {
  std::string text;
  std::string place;  // "FILE:LINE"
};

// Lines of `name = value`, blank ones, and comments from '#' on.
absl::StatusOr<std::map<std::string, ConfigValue>> ReadConfig(
    const std::string& path, bool required) {
  std::map<std::string, ConfigValue> values;
  std::ifstream file(path);
  if (!file) {
    if (!required && (errno == ENOENT || errno == ENOTDIR)) return values;
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read the configuration file ", path));
  }
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const absl::string_view text = absl::StripAsciiWhitespace(
        absl::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    const std::string place = absl::StrCat(path, ":", number);
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    const std::string name(absl::StripAsciiWhitespace(parts.first));
    bool known = false;
    for (const Spec& spec : kSpecs) known |= spec.info.name == name;
    if (!known || !absl::StrContains(text, '=')) {
      return absl::InvalidArgumentError(absl::StrCat(
          place, ": not `name = value` with the name of an option: ", text));
    }
    values[name] = {std::string(absl::StripAsciiWhitespace(parts.second)),
                    place};
  }
  return values;
}

// $variable if it is an absolute path, else `below_home` in the home
// directory; empty if there is none.
std::string XdgDirectory(const OptionLookup& system, absl::string_view variable,
                         absl::string_view below_home) {
  const std::optional<std::string> own = system(variable);
  if (own.has_value() && absl::StartsWith(*own, "/")) return *own;
  std::string home = system("HOME").value_or("");
  if (!absl::StartsWith(home, "/")) {
    const passwd* user = getpwuid(geteuid());
    if (user == nullptr || user->pw_dir == nullptr) return "";
    home = user->pw_dir;
  }
  return absl::StrCat(home, "/", below_home);
}

absl::StatusOr<std::map<std::string, ConfigValue>> FindConfig(
    const OptionLookup& flag, const OptionLookup& system) {
  std::optional<std::string> path = flag(kConfig.name);
  if (!path.has_value()) path = system(EnvironmentName(kConfig.name));
  if (path.has_value()) return ReadConfig(*path, /*required=*/true);
  const std::string home = XdgDirectory(system, "XDG_CONFIG_HOME", ".config");
  return ReadConfig(home + "/btfd/btfd.conf", /*required=*/false);
}

}  // namespace

std::vector<OptionInfo> ListOptions() {
  std::vector<OptionInfo> infos = {kConfig};
  for (const Spec& spec : kSpecs) infos.push_back(spec.info);
  return infos;
}

absl::StatusOr<Options> ReadOptions(const OptionLookup& flag,
                                    const OptionLookup& system) {
  ASSIGN_OR_RETURN(const auto config, FindConfig(flag, system));
  Options options;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  options.socket = paths.socket;
  options.shared_directory = paths.shared_directory;
  const std::string cache = XdgDirectory(system, "XDG_CACHE_HOME", ".cache");
  if (!cache.empty()) options.store_dir = cache + "/btfd";

  for (const Spec& spec : kSpecs) {
    const std::string name(spec.info.name);
    std::string place = absl::StrCat("--", name);
    std::optional<std::string> text = flag(name);
    if (!text.has_value()) {
      place = EnvironmentName(name);
      text = system(place);
    }
    if (!text.has_value()) {
      const auto found = config.find(name);
      if (found == config.end()) continue;
      place = absl::StrCat(found->second.place, ": ", name);
      text = found->second.text;
    }
    const absl::Status status = spec.read(*text, &options);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, " = ", *text, ": ", status.message()));
    }
  }
  if (!options.connection_fds.empty()) {
    // A private daemon is what is left when others failed: it has no address,
    // and does its work itself.
    options.listen.clear();
    options.health_listen.clear();
    options.server.clear();
    options.remote_cache.clear();
  }
  return options;
}

}  // namespace btfd::daemon
