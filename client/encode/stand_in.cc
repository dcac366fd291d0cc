// SPDX-License-Identifier: Apache-2.0
#include "client/encode/stand_in.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/program.h"
#include "client/cli/settings.h"
#include "lib/util/file.h"
#include "lib/util/runtime_paths.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

using encode::PaholeVersion;

constexpr PaholeVersion kNewest = PaholeVersion::k1_32;

// Names the content of a program. Nothing for a script, whose output may come
// from another file.
std::string ProgramKey(const std::string& path) {
  const absl::StatusOr<util::UniqueFd> fd = util::OpenFile(path, O_RDONLY);
  char magic[4];
  struct stat info;
  if (!fd.ok() || fstat(fd->get(), &info) != 0 ||
      pread(fd->get(), magic, sizeof(magic), 0) != sizeof(magic) ||
      absl::string_view(magic, sizeof(magic)) !=
          "\x7f"
          "ELF") {
    return "";
  }
  return absl::StrJoin({uint64_t{info.st_dev}, uint64_t{info.st_ino},
                        static_cast<uint64_t>(info.st_size),
                        static_cast<uint64_t>(info.st_mtim.tv_sec),
                        static_cast<uint64_t>(info.st_mtim.tv_nsec),
                        static_cast<uint64_t>(info.st_ctim.tv_sec),
                        static_cast<uint64_t>(info.st_ctim.tv_nsec)},
                       ":");
}

// Returns the version that the real pahole prints. Starting it takes longer
// than a small module, so the answer is kept.
absl::StatusOr<std::string> AskVersion(const std::vector<std::string>& real,
                                       const std::string& cache_file) {
  const std::string key =
      cache_file.empty() || real.size() != 1 ? "" : ProgramKey(real[0]);
  if (!key.empty()) {
    const absl::StatusOr<std::string> kept = util::ReadFile(cache_file);
    const std::vector<std::string> words =
        kept.ok() ? SplitWords(*kept) : std::vector<std::string>();
    if (words.size() == 2 && words[0] == key) return words[1];
  }
  std::vector<std::string> command = real;
  command.push_back("--version");
  std::string output;
  ASSIGN_OR_RETURN(const int exit_code, RunProgram(command, &output));
  std::string version(
      absl::StripAsciiWhitespace(output.substr(0, output.find('\n'))));
  if (exit_code != 0 || version.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        ShowCommand(command), ": gives no version; exit code ", exit_code));
  }
  if (!key.empty() && SplitWords(version).size() == 1) {
    // If the answer cannot be kept, it is still the right one.
    util::WriteFileAtomically(cache_file, absl::StrCat(key, " ", version, "\n"))
        .IgnoreError();
  }
  return version;
}

absl::StatusOr<EncoderChoice> ChoiceNamed(const std::string& text) {
  if (text.empty() || text == "auto") return EncoderChoice::kAuto;
  if (text == "native") return EncoderChoice::kNative;
  if (text == "pahole") return EncoderChoice::kPahole;
  return absl::InvalidArgumentError(
      absl::StrCat("BTFD_ENCODER is native or pahole, not '", text, "'"));
}

}  // namespace

StandInSettings StandInSettingsOfProcess() {
  const Settings of_process = Settings::OfProcess();
  StandInSettings settings;
  settings.encoder = of_process.Text("encoder");
  const Setting version = of_process.Get("pahole_version");
  settings.version = version.text;
  settings.version_place = version.place;
  const util::RuntimePaths paths = util::RuntimePathsOfProcess();
  if (util::EnsurePrivateDirectory(paths.directory).ok()) {
    settings.cache_file = paths.directory + "/pahole-version";
  }
  return settings;
}

absl::StatusOr<StandIn> ChooseStandIn(const StandInSettings& settings) {
  StandIn stand_in;
  stand_in.real = settings.real;
  ASSIGN_OR_RETURN(stand_in.choice, ChoiceNamed(settings.encoder));
  if (!settings.version.empty()) {
    stand_in.version = encode::ParsePaholeVersion(settings.version);
    if (!stand_in.version.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("BTFD_PAHOLE_VERSION is 1.24, 1.30, 1.31 or 1.32, not '",
                       settings.version, "'"));
    }
    stand_in.decided_by = settings.version_place;
    return stand_in;
  }
  if (settings.real.empty()) {
    stand_in.version = kNewest;
    stand_in.decided_by = "no pahole was found";
    return stand_in;
  }
  stand_in.decided_by = ShowCommand(settings.real);
  const absl::StatusOr<std::string> said =
      AskVersion(settings.real, settings.cache_file);
  if (said.ok()) {
    stand_in.said = *said;
    stand_in.version = encode::ParsePaholeVersion(*said);
  } else {
    stand_in.said = std::string(said.status().message());
  }
  return stand_in;
}

std::string DescribeStandIn(const StandIn& stand_in) {
  if (!stand_in.version.has_value()) {
    return absl::StrCat("none: ", stand_in.decided_by, " says '", stand_in.said,
                        "', which is not known here");
  }
  return absl::StrCat(encode::PaholeVersionName(*stand_in.version), " (",
                      stand_in.decided_by, ")");
}

v1::EncodedBy LibbpfOf(encode::PaholeVersion version) {
  switch (version) {
    case PaholeVersion::k1_24:
      return v1::ENCODED_BY_LIBBPF_1_1;
    case PaholeVersion::k1_30:
    case PaholeVersion::k1_31:
      return v1::ENCODED_BY_LIBBPF_1_5;
    case PaholeVersion::k1_32:
      break;
  }
  return v1::ENCODED_BY_LIBBPF_1_7;
}

}  // namespace btfd::client
