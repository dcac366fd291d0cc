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
#include "absl/synchronization/mutex.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "lib/util/inherited.h"
#include "lib/util/out_of_memory.h"
#include "lib/util/version.h"

namespace btfd::client {

namespace {

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const std::vector<std::string>& arguments);
};

constexpr Command kCommands[] = {
    {"resolve_btfids", "do what the kernel's tool of that name does",
     RunResolveBtfids},
    {"finalize", "finalize modules, many at once, and put the BTF into them",
     RunFinalize},
    {"gen-btf", "make the BTF of a module or vmlinux, as the kernel's script",
     RunGenBtf},
    {"pahole", "stand in for pahole where it encodes BTF", RunPaholeCommand},
    {"diff", "say what changed between the types of two kernels or modules",
     RunDiff},
    {"dump", "show the types of modules and kernels, as bpftool does", RunDump},
    {"extract-base", "take the base out of a vmlinuz", RunExtractBase},
    {"min-core", "cut kernels' BTF down to what BPF programs need", RunMinCore},
    {"min_core_btf", "do what bpftool's `gen min_core_btf` does",
     RunMinCoreBtf},
    {"verify", "prove that the BTF of modules fits the bases it will meet",
     RunVerify},
    {"report", "say where the bytes of modules' BTF are", RunReport},
    {"doctor", "say what keeps modules from having BTF here", RunDoctor},
    {"dkms", "build DKMS packages with BTF, without changes to them", RunDkms},
    {"base", "add, list and remove the bases that the daemon holds", RunBase},
    {"cache", "prove, count and clear the results that the daemon keeps",
     RunCache},
    {"config", "show the settings and where they come from, check their files",
     RunConfig},
    {"status", "say what the daemon is, holds and has done", RunStatus},
    {"start", "start the daemon, unless it runs", RunStart},
    {"stop", "stop the daemon", RunStop},
    {"restart", "stop the daemon and start it anew", RunRestart},
};

void PrintHelp(FILE* out) {
  fputs(
      "usage: btfc COMMAND [ARGUMENT...]\n\n"
      "Finalizes the BTF of kernel modules by the btfd daemon, which it "
      "starts\n"
      "where there is none.\n\n",
      out);
  for (const Command& command : kCommands) {
    fprintf(out, "  %-16s %s\n", command.name, command.summary);
  }
  fputs(
      "\n"
      "  btfc COMMAND --help says more of each; btfc --version says which "
      "this\n"
      "  is. Called as resolve_btfids or pahole, btfc is that command.\n",
      out);
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
    if (words[1] == command.name) {
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
