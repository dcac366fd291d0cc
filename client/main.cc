// SPDX-License-Identifier: Apache-2.0
//
// btfc: the commands, each in a file of its own. If the program is called as
// resolve_btfids or pahole, it is that command only.
#include <stdio.h>
#include <unistd.h>

#include <exception>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/manual/pages.h"
#include "lib/manual/help_text.h"
#include "lib/util/inherited.h"
#include "lib/util/out_of_memory.h"
#include "lib/util/version.h"

namespace btfd::client {

namespace {

struct Command {
  const manual::Page& (*page)();
  int (*run)(const std::vector<std::string>& arguments);
};

// In the order of CommandPages(), which `btfc --help` and the manual have.
constexpr Command kCommands[] = {
    {ResolveBtfidsPage, RunResolveBtfids},
    {FinalizePage, RunFinalize},
    {GenBtfPage, RunGenBtf},
    {PaholePage, RunPaholeCommand},
    {DiffPage, RunDiff},
    {DumpPage, RunDump},
    {ExtractBasePage, RunExtractBase},
    {MinCorePage, RunMinCore},
    {MinCoreBtfPage, RunMinCoreBtf},
    {VerifyPage, RunVerify},
    {ReportPage, RunReport},
    {DoctorPage, RunDoctor},
    {DkmsPage, RunDkms},
    {BasePage, RunBase},
    {CachePage, RunCache},
    {ConfigPage, RunConfig},
    {StatusPage, RunStatus},
    {StartPage, RunStart},
    {StopPage, RunStop},
    {RestartPage, RunRestart},
};

void PrintHelp(FILE* out) { fputs(manual::HelpText(BtfcPage()).c_str(), out); }

absl::string_view NameOf(const Command& command) {
  return absl::StripPrefix(command.page().program, "btfc ");
}

int Dispatch(const std::vector<std::string>& words) {
  const absl::string_view program =
      absl::string_view(words[0]).substr(words[0].rfind('/') + 1);
  const std::vector<std::string> arguments(words.begin() + 1, words.end());
  if (program == "resolve_btfids") return RunResolveBtfids(arguments);
  if (program == "pahole") return RunPahole(arguments);
  if (words.size() < 2) {
    PrintHelp(stderr);
    return kExitWrongCall;
  }
  if (words[1] == "--help" || words[1] == "-h" || words[1] == "help") {
    PrintHelp(stdout);
    return 0;
  }
  if (words[1] == "--version") {
    printf("btfc %s\n", util::kVersion);
    return 0;
  }
  for (const Command& command : kCommands) {
    if (words[1] == NameOf(command)) {
      return command.run({words.begin() + 2, words.end()});
    }
  }
  fprintf(stderr, "btfc: no such command: %s\n", words[1].c_str());
  PrintHelp(stderr);
  return kExitWrongCall;
}

}  // namespace

}  // namespace btfd::client

int main(int argc, char** argv) {
  btfd::util::OpenStandardStreams();
  std::set_terminate(btfd::util::EndOutOfMemory<btfd::client::kExitFailure>);
  // Debian's Abseil searches for lock cycles at each lock, also at gRPC's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const int exit_code = btfd::client::Dispatch({argv, argv + argc});
  fflush(nullptr);
  // Runs no destructors: those of gRPC take longer than all our work.
  _exit(exit_code);
}
