// SPDX-License-Identifier: Apache-2.0
//
// The benchmarks for every speed in README.md. They run ours and upstream's
// programs side by side in one run. tools/bench starts them by hand.
#include <sys/utsname.h>

#include <fstream>
#include <iostream>
#include <string>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "lib/util/status_macros.h"
#include "tests/bench/encode_bench.h"
#include "tests/bench/engine_bench.h"
#include "tests/bench/min_core_bench.h"
#include "tests/bench/pahole_bench.h"
#include "tests/bench/process_bench.h"
#include "tests/bench/remote_bench.h"
#include "tests/bench/show_bench.h"
#include "tests/support/testdata.h"

ABSL_FLAG(std::string, json, "", "write the figures to this file, too");
ABSL_FLAG(std::string, btfd, "", "the daemon");
ABSL_FLAG(std::string, btfc, "", "the client");
ABSL_FLAG(std::string, resolve_btfids, "", "the drop-in");
ABSL_FLAG(size_t, stride, 1,
          "every n-th module only, in the engine's part; the claims want 1");
ABSL_FLAG(bool, engine, true, "the engine against libbpf, in process");
ABSL_FLAG(bool, base, true, "building, storing and loading the base");
ABSL_FLAG(bool, processes, true, "whole processes against the peer's tool");
ABSL_FLAG(bool, pahole, true, "the BTF step with pahole");
ABSL_FLAG(bool, min_core, true, "BTF cut down for BPF programs");
ABSL_FLAG(bool, show, true, "dump and diff");
ABSL_FLAG(bool, encode, true, "BTF from DWARF against pahole 1.32");
ABSL_FLAG(bool, batch, true, "all modules of a kernel");
ABSL_FLAG(bool, remote, true, "all modules of a kernel from a shared cache");
ABSL_FLAG(
    std::string, remote_server, "",
    "HOST:PORT of an empty cache server; default: one of the bench's own");

namespace btfd::bench {
namespace {

absl::Status Run(Report* report) {
  ASSIGN_OR_RETURN(const tests::Kernel kernel, tests::FindKernel("7.2"));
  Programs programs;
  programs.ours = {absl::GetFlag(FLAGS_btfd), absl::GetFlag(FLAGS_btfc),
                   absl::GetFlag(FLAGS_resolve_btfids)};
  ASSIGN_OR_RETURN(programs.peer_72, tests::FindPeer("7.2"));
  ASSIGN_OR_RETURN(programs.peer_73, tests::FindPeer("7.3"));
  report->Note(
      absl::StrCat(std::thread::hardware_concurrency(),
                   " cores; result cache off; peer and ours in one run"));

  // Processes come first: the peak of a new process contains the memory of the
  // process that started it, and the engine's benchmark needs much.
  if (absl::GetFlag(FLAGS_processes)) {
    RETURN_IF_ERROR(BenchRestart(kernel, programs, report));
    RETURN_IF_ERROR(BenchDropIn(kernel, programs, report));
  }
  if (absl::GetFlag(FLAGS_pahole)) {
    RETURN_IF_ERROR(BenchPahole(kernel, programs, report));
  }
  if (absl::GetFlag(FLAGS_min_core)) {
    RETURN_IF_ERROR(BenchMinCore(programs, report));
  }
  if (absl::GetFlag(FLAGS_show)) {
    RETURN_IF_ERROR(BenchShow(programs, report));
  }
  if (absl::GetFlag(FLAGS_encode)) {
    RETURN_IF_ERROR(BenchEncode(programs, report));
  }
  if (absl::GetFlag(FLAGS_batch)) {
    RETURN_IF_ERROR(BenchBatch(kernel, programs, report));
  }
  if (absl::GetFlag(FLAGS_remote)) {
    RETURN_IF_ERROR(BenchRemote(kernel, programs,
                                absl::GetFlag(FLAGS_remote_server), report));
  }
  if (absl::GetFlag(FLAGS_base)) RETURN_IF_ERROR(BenchBase(kernel, report));
  if (absl::GetFlag(FLAGS_engine)) {
    RETURN_IF_ERROR(BenchEngine(kernel, {absl::GetFlag(FLAGS_stride)}, report));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace btfd::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Compares btfd with libbpf and resolve_btfids.");
  absl::ParseCommandLine(argc, argv);
  btfd::bench::Report report;
  const absl::Status status = btfd::bench::Run(&report);
  std::cout << report.Table();
  if (!absl::GetFlag(FLAGS_json).empty()) {
    std::ofstream(absl::GetFlag(FLAGS_json)) << report.Json();
  }
  if (!status.ok()) {
    std::cerr << "bench: " << status << "\n";
    return 1;
  }
  return 0;
}
