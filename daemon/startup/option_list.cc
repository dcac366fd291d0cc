// SPDX-License-Identifier: Apache-2.0
//
// The table of all options: their names and descriptions, how their texts are
// read, and the defaults that a new Options has.
#include "daemon/startup/option_list.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/config/config_file.h"
#include "lib/util/status_macros.h"
#include "lib/util/version.h"

namespace btfd::daemon {

namespace {

using Spec = OptionSpec;

absl::Status ReadBool(absl::string_view text, bool* value) {
  ASSIGN_OR_RETURN(*value, config::ParseSwitch(text));
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

// Shows the default of a new Options in the form in which the option is read.
std::string Show(const std::string& value) {
  return value.empty() ? "-" : value;
}
std::string Show(bool value) { return value ? "1" : "0"; }
std::string Show(uint32_t value) { return absl::StrCat(value); }
std::string ShowBytes(uint64_t value) {
  for (const auto& [shift, unit] : {std::pair(30, "G"), {20, "M"}, {10, "K"}}) {
    if (value != 0 && value % (uint64_t{1} << shift) == 0) {
      return absl::StrCat(value >> shift, unit);
    }
  }
  return absl::StrCat(value);
}

// A time without an end is read as 0.
std::string ShowTime(absl::Duration value) {
  if (value == absl::InfiniteDuration()) return "0";
  std::string shown = absl::FormatDuration(value);
  // "2m", not "2m0s".
  shown = std::string(absl::StripSuffix(shown, "0s"));
  if (absl::EndsWith(shown, "h0m")) shown.resize(shown.size() - 2);
  if (shown.empty() || !absl::ascii_isalpha(shown.back())) shown += "0s";
  return shown;
}

Spec Text(absl::string_view name, std::string Options::*member,
          absl::string_view meaning) {
  return {{name, meaning, Show(Options().*member)},
          [member](absl::string_view text, Options* options) {
            options->*member = std::string(text);
            return absl::OkStatus();
          },
          [member](const Options& options) { return Show(options.*member); }};
}

Spec Flag(absl::string_view name, bool Options::*member,
          absl::string_view meaning) {
  return {{name, meaning, Show(Options().*member), /*is_switch=*/true},
          [member](absl::string_view text, Options* options) {
            return ReadBool(text, &(options->*member));
          },
          [member](const Options& options) { return Show(options.*member); }};
}

Spec Number(absl::string_view name, uint32_t Options::*member, uint32_t least,
            absl::string_view meaning) {
  return {{name, meaning, Show(Options().*member)},
          [member, least](absl::string_view text, Options* options) {
            RETURN_IF_ERROR(ReadNumber(text, &(options->*member)));
            return AtLeast(least, options->*member);
          },
          [member](const Options& options) { return Show(options.*member); }};
}

Spec Bytes(absl::string_view name, uint64_t Options::*member, uint64_t least,
           absl::string_view meaning) {
  return {
      {name, meaning, ShowBytes(Options().*member)},
      [member, least](absl::string_view text, Options* options) {
        RETURN_IF_ERROR(ReadBytes(text, &(options->*member)));
        return AtLeast(least, options->*member);
      },
      [member](const Options& options) { return ShowBytes(options.*member); }};
}

enum class Zero { kIsZero, kIsNever };
Spec Time(absl::string_view name, absl::Duration Options::*member, Zero zero,
          absl::string_view meaning) {
  return {
      {name, meaning, ShowTime(Options().*member)},
      [member, zero](absl::string_view text, Options* options) {
        RETURN_IF_ERROR(ReadDuration(text, &(options->*member)));
        if (zero == Zero::kIsNever &&
            options->*member == absl::ZeroDuration()) {
          options->*member = absl::InfiniteDuration();
        }
        return absl::OkStatus();
      },
      [member](const Options& options) { return ShowTime(options.*member); }};
}

// The same option with another default in the table: ReadOptions() computes it,
// or the text has a further meaning.
Spec WithDefault(absl::string_view shown, Spec spec) {
  spec.info.default_value = std::string(shown);
  return spec;
}
Spec WithEffect(
    std::function<absl::Status(absl::string_view text, Options* options)>
        effect,
    Spec spec) {
  spec.read = [read = std::move(spec.read), effect = std::move(effect)](
                  absl::string_view text, Options* options) {
    RETURN_IF_ERROR(read(text, options));
    return effect(text, options);
  };
  return spec;
}

absl::Status ReadListenInsecure(absl::string_view text, Options* options) {
  options->listen_insecure = text == "yes-anyone-may-connect";
  if (options->listen_insecure || text.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be yes-anyone-may-connect, or left out");
}

absl::Status ReadMetricsInsecure(absl::string_view text, Options* options) {
  options->metrics_insecure = text == "yes-anyone-may-read";
  if (options->metrics_insecure || text.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("must be yes-anyone-may-read, or left out");
}

absl::Status ReadLogLevel(absl::string_view text, Options* options) {
  ASSIGN_OR_RETURN(options->log_level, util::ParseLogLevel(text));
  return absl::OkStatus();
}

absl::Status SharesItsDirectory(absl::string_view, Options* options) {
  options->shared_directory = true;
  return absl::OkStatus();
}

absl::Status AtMostOneGigabyte(absl::string_view, Options* options) {
  if (options->max_btf_bytes <= uint64_t{1} << 30) return absl::OkStatus();
  return absl::InvalidArgumentError("must be at most 1G");
}

// A farm may have no requests for a night. `idle_exit` is later in the list, so
// it can still set a time.
absl::Status StaysIfListening(absl::string_view text, Options* options) {
  if (!text.empty()) options->idle_exit = absl::InfiniteDuration();
  return absl::OkStatus();
}

std::string ShowLogLevel(const Options& options) {
  return std::string(util::LogLevelName(options.log_level));
}

std::string ShowListenInsecure(const Options& options) {
  return options.listen_insecure ? "yes-anyone-may-connect" : "-";
}

std::string ShowMetricsInsecure(const Options& options) {
  return options.metrics_insecure ? "yes-anyone-may-read" : "-";
}

std::string SocketName() {
  return absl::StrCat("btfd-", util::kProtocolVersion, ".",
                      util::kEngineVersion, ".sock");
}

}  // namespace

const std::vector<OptionSpec>& OptionSpecs() {
  using O = Options;
  static const auto* const specs = new std::vector<Spec>{
      WithDefault(
          absl::StrCat("$XDG_RUNTIME_DIR/btfd/", SocketName(),
                       ", else /tmp/btfd-UID/", SocketName()),
          WithEffect(SharesItsDirectory,
                     Text("socket", &O::socket, "path of the Unix socket"))),
      Flag("foreground", &O::foreground,
           "stay in the foreground, log to stderr"),
      WithDefault("$XDG_CACHE_HOME/btfd",
                  Text("store_dir", &O::store_dir,
                       "directory of the database; empty: none")),
      Flag("result_cache", &O::result_cache,
           "whether results are looked up and kept in the store"),
      Number("verify_hits", &O::verify_hits, 0,
             "of how many results taken from the cache one is computed anew, "
             "in the background, and compared; 0: none"),
      Bytes("max_result_bytes", &O::max_result_bytes, 0,
            "results kept in the store"),
      Bytes("max_stored_base_bytes", &O::max_stored_base_bytes, 0,
            "bases kept in the store"),
      WithDefault("beside the socket; stderr in the foreground",
                  Text("log_file", &O::log_file, "path; - is stderr")),
      {{"log_level", "debug, info, warning or error",
        std::string(util::LogLevelName(O().log_level))},
       ReadLogLevel,
       ShowLogLevel},
      WithDefault("one a core", Number("threads", &O::threads, 1,
                                       "modules worked on at once")),
      Bytes("max_resident_base_bytes", &O::max_resident_base_bytes, 0,
            "memory for bases and their indexes that no request holds"),
      WithEffect(AtMostOneGigabyte,
                 Bytes("max_btf_bytes", &O::max_btf_bytes, 1,
                       "size of one module's or one base's BTF")),
      Number("max_requests_in_flight", &O::max_requests_in_flight, 1,
             "requests that are taken in at once, the others wait"),
      Bytes("max_bytes_in_flight", &O::max_bytes_in_flight, 0,
            "BTF that is taken in at once, the rest waits"),
      Number("max_connections", &O::max_connections, 1,
             "connections of this machine; further ones are closed"),
      Time("stall_timeout", &O::stall_timeout, Zero::kIsNever,
           "end a call on which nothing was sent or received for this long, "
           "and a connection without calls after five times that; 0: never"),
      WithEffect(StaysIfListening,
                 Text("listen", &O::listen,
                      "HOST:PORT where remote daemons may connect; beyond "
                      "loopback it needs tls_certificate, tls_key and "
                      "tls_client_ca")),
      {{"listen_insecure",
        "yes-anyone-may-connect: listen beyond loopback without client "
        "certificates, or in the clear",
        "-"},
       ReadListenInsecure,
       ShowListenInsecure},
      Text("health_listen", &O::health_listen,
           "HOST:PORT where grpc.health.v1 answers in the clear, for balancers "
           "that have no certificate; nothing else does there"),
      Text("metrics_listen", &O::metrics_listen,
           "HOST:PORT of /metrics for Prometheus and a page for people; on "
           "loopback, unless metrics_insecure is set"),
      {{"metrics_insecure",
        "yes-anyone-may-read: metrics_listen may be beyond loopback; it has no "
        "password",
        "-"},
       ReadMetricsInsecure,
       ShowMetricsInsecure},
      Text("tls_certificate", &O::tls_certificate,
           "PEM file: what listen shows to remote daemons"),
      Text("tls_key", &O::tls_key, "PEM file: the key of tls_certificate"),
      Text("tls_client_ca", &O::tls_client_ca,
           "PEM file: who signs the certificates of those that may connect"),
      Number("max_client_requests", &O::max_client_requests, 0,
             "requests of one remote client at once, more get BUSY; 0: no "
             "bound"),
      Bytes("max_client_bytes", &O::max_client_bytes, 0,
            "BTF of one remote client at once; 0: no bound"),
      Text("server", &O::server,
           "remote daemons that do the work: grpcs://HOST:PORT[,HOST:PORT], or "
           "dns:///NAME:PORT"),
      WithDefault("the machine's",
                  Text("server_ca", &O::server_ca,
                       "PEM file: who signs their certificates")),
      Text("server_certificate", &O::server_certificate,
           "PEM file: what is shown to them"),
      Text("server_key", &O::server_key,
           "PEM file: the key of server_certificate"),
      Time("server_timeout", &O::server_timeout, Zero::kIsZero,
           "how long they may take for a request before it is worked on here"),
      Text("remote_cache", &O::remote_cache,
           "a cache that many hosts share, of the Remote Execution API: "
           "grpc[s]://HOST:PORT"),
      Text("remote_instance", &O::remote_instance, "its instance name"),
      WithDefault("the machine's", Text("remote_ca", &O::remote_ca,
                                        "PEM file: who signs its certificate")),
      Text("remote_certificate", &O::remote_certificate,
           "PEM file: what is shown to it"),
      Text("remote_key", &O::remote_key,
           "PEM file: the key of remote_certificate"),
      Text("remote_token_file", &O::remote_token_file,
           "file with a bearer token for it"),
      Flag("remote_read_only", &O::remote_read_only,
           "results are taken from it, none given"),
      Flag("remote_upload_inputs", &O::remote_upload_inputs,
           "modules' own BTF goes there along with results"),
      Flag("remote_compression", &O::remote_compression,
           "zstd, if it offers that"),
      Time("remote_timeout", &O::remote_timeout, Zero::kIsZero,
           "what it may take for an answer, besides the time for its bytes"),
      Bytes("remote_min_rate", &O::remote_min_rate, 1,
            "bytes a second below which it is too slow"),
      Bytes("max_remote_upload_bytes", &O::max_remote_upload_bytes, 0,
            "what may wait to be given to it, in memory"),
      WithDefault("3h; never with listen",
                  Time("idle_exit", &O::idle_exit, Zero::kIsNever,
                       "exit after this long without work; 0: never")),
      Time("drain_timeout", &O::drain_timeout, Zero::kIsZero,
           "how long requests in flight may take after SIGTERM"),
  };
  return *specs;
}

}  // namespace btfd::daemon
