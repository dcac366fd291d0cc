// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/encode_bench.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/util/status_macros.h"
#include "tests/bench/timed_process.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::bench {

namespace fs = std::filesystem;

namespace {

// What 7.3's scripts/Makefile.btf gives pahole 1.32 for a module.
const char* const kFlags[] = {
    "--btf_features=encode_force,var,float,enum64,decl_tag,type_tag,"
    "optimized_func,consistent_func",
    "--btf_features=layout", "--lang_exclude=rust"};

struct Module {
  const char* path;  // below dbg/7.3/modules
  int rounds;
  double whole_bar;   // from the linked module to the finished one
  double encode_bar;  // without a base
};
constexpr Module kModules[] = {
    {"net/key/af_key.ko", 15, 25, 3},
    {"net/netfilter/nf_conntrack.ko", 11, 10, 6},
    {"fs/xfs/xfs.ko", 5, 10, 8},
    {"drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko", 5, 10, 9}};

class EncodeBench {
 public:
  EncodeBench(const Programs& programs, Report* report)
      : programs_(programs),
        report_(report),
        dbg_(tests::TestdataRoot() + "/dbg/7.3/"),
        pahole_(tests::TestdataRoot() + "/peers/pahole-1.32/pahole"),
        daemon_(programs.ours) {}

  absl::Status Run() {
    RETURN_IF_ERROR(daemon_.Start());
    ASSIGN_OR_RETURN(pid_, daemon_.Pid());
    for (const Module& module : kModules) RETURN_IF_ERROR(WholeStep(module));
    RETURN_IF_ERROR(ManyModules());
    double peak_mib = 0;
    for (const Module& module : kModules) {
      RETURN_IF_ERROR(EncodeAlone(module, &peak_mib));
    }
    report_->AddUpperBound("encoding a module: peak memory of the client",
                           "MiB", {peak_mib}, 24);
    return Vmlinux();
  }

 private:
  struct Sample {
    std::vector<double> cpu;
    std::vector<double> wall;
    double peak_mib = 0;
    void Add(const Timing& timing) {
      cpu.push_back(timing.cpu_ms);
      wall.push_back(timing.wall_ms);
      peak_mib = std::max(peak_mib, timing.peak_rss_mib);
    }
  };

  std::string Base() const { return dbg_ + "vmlinux.1.32.btf"; }

  // The daemon's share is added to the client's processor time. The kernel
  // counts it in hundredths of a second, so each sample is of some runs.
  absl::StatusOr<Timing> RunOurs(const std::vector<std::string>& argv,
                                 const std::vector<std::string>& more) {
    ASSIGN_OR_RETURN(const Timing before, UsageOf(pid_));
    ASSIGN_OR_RETURN(Timing timing, RunTimed(argv, daemon_.Environment(more)));
    ASSIGN_OR_RETURN(const Timing after, UsageOf(pid_));
    timing.cpu_ms += after.cpu_ms - before.cpu_ms;
    return timing;
  }

  std::vector<std::string> KbuildEnvironment() const {
    return {"PAHOLE=" + pahole_,
            absl::StrCat("PAHOLE_FLAGS=", absl::StrJoin(kFlags, " ")),
            "RESOLVE_BTFIDS=" + programs_.peer_73,
            "RESOLVE_BTFIDS_FLAGS=--distill_base",
            "OBJCOPY=objcopy",
            "CC=gcc",
            "KERNELVERSION=7.3.4",
            "BTFD_ENCODER=native",
            "BTFD_PAHOLE_VERSION=1.32",
            "BTFD_RESULT_CACHE=0"};
  }
  std::vector<std::string> UpstreamStep(const std::string& base) const {
    return {"sh",
            fs::path(programs_.peer_73).parent_path().string() +
                "/src/scripts/gen-btf.sh",
            "--btf_base", base};
  }
  std::vector<std::string> OurStep(const std::string& base) const {
    return {programs_.ours.btfc, "gen-btf", "--btf_base", base};
  }

  void AddCpu(const std::string& name, const std::string& peer_name,
              const Sample& peer, const Sample& ours, double bar) {
    report_->AddTimes(name, "ms CPU", peer_name, peer.cpu, ours.cpu,
                      Statistic::kMean, bar);
  }

  // A module as the linker leaves it.
  static absl::Status Unfinish(const std::string& module,
                               const std::string& linked) {
    return RunTimed({"objcopy", "--remove-section=.BTF",
                     "--remove-section=.BTF.base", module, linked},
                    {})
        .status();
  }

  absl::Status WholeStep(const Module& module) {
    tests::ScratchDir scratch;
    const std::string original = absl::StrCat(dbg_, "modules/", module.path);
    const std::string linked = scratch.file("linked");
    RETURN_IF_ERROR(Unfinish(original, linked));
    const std::string copy = scratch.file(fs::path(original).filename());
    const auto fresh = [&] {
      fs::copy_file(linked, copy, fs::copy_options::overwrite_existing);
    };
    std::vector<std::string> peer = UpstreamStep(Base());
    std::vector<std::string> ours = OurStep(Base());
    peer.push_back(copy);
    ours.push_back(copy);
    Sample theirs, mine;
    for (int i = 0; i <= module.rounds; ++i) {
      fresh();
      ASSIGN_OR_RETURN(const Timing peer_time,
                       RunTimed(peer, KbuildEnvironment()));
      fresh();
      ASSIGN_OR_RETURN(const Timing our_time,
                       RunOurs(ours, KbuildEnvironment()));
      if (i == 0) continue;  // warms the caches
      theirs.Add(peer_time);
      mine.Add(our_time);
    }
    AddCpu(absl::StrCat("linked to finished, 7.3: ",
                        fs::path(original).stem().string()),
           "7.3's gen-btf.sh, pahole 1.32", theirs, mine, module.whole_bar);
    return absl::OkStatus();
  }

  // A hundred modules of all sizes, two at once.
  absl::Status ManyModules() {
    std::vector<std::string> all;
    for (const auto& entry :
         fs::recursive_directory_iterator(dbg_ + "modules")) {
      if (entry.path().extension() == ".ko") all.push_back(entry.path());
    }
    const auto spread = tests::SpreadBySize(all, 100);
    tests::ScratchDir scratch;
    const auto copy_all = [&](const std::string& list) -> absl::Status {
      std::ofstream lines(list);
      for (size_t i = 0; i < spread.size(); ++i) {
        const std::string name = fs::path(spread[i]).filename().string();
        const std::string copy = scratch.file(absl::StrCat(i, "-", name));
        RETURN_IF_ERROR(Unfinish(spread[i], copy));
        lines << copy << "\n";
      }
      return absl::OkStatus();
    };
    const std::string list = scratch.file("list");
    RETURN_IF_ERROR(copy_all(list));
    const std::vector<std::string> peer = {
        "sh", "-c",
        absl::StrCat("xargs -P2 -n1 ", absl::StrJoin(UpstreamStep(Base()), " "),
                     " < ", list)};
    ASSIGN_OR_RETURN(const Timing theirs, RunTimed(peer, KbuildEnvironment()));
    RETURN_IF_ERROR(copy_all(list));
    std::vector<std::string> ours = OurStep(Base());
    ours.insert(ours.end(), {"-j2", "--from-file", list});
    ASSIGN_OR_RETURN(const Timing mine, RunOurs(ours, KbuildEnvironment()));
    const double scale = double(all.size()) / spread.size();
    report_->Note(absl::StrCat("modules of 7.3 with DWARF: ", all.size(),
                               "; times are those of ", spread.size(),
                               " of all sizes, scaled"));
    const std::string peer_name = "7.3's gen-btf.sh, xargs -P2";
    report_->AddTimes("linked to finished, all modules of 7.3", "s", peer_name,
                      {theirs.wall_ms * scale / 1000},
                      {mine.wall_ms * scale / 1000}, Statistic::kTotal, 12);
    report_->AddTimes("linked to finished, all modules of 7.3", "s CPU",
                      peer_name, {theirs.cpu_ms * scale / 1000},
                      {mine.cpu_ms * scale / 1000}, Statistic::kTotal, 10);
    return absl::OkStatus();
  }

  std::vector<std::string> Encode(const std::vector<std::string>& program,
                                  const std::string& jobs,
                                  const std::string& out,
                                  const std::string& elf) const {
    std::vector<std::string> argv = program;
    argv.insert(argv.end(), {"-J", jobs});
    argv.insert(argv.end(), std::begin(kFlags), std::end(kFlags));
    argv.insert(argv.end(), {"--btf_encode_detached=" + out, elf});
    return argv;
  }

  // Runs both in turn, and compares what they made.
  absl::Status EncodeInTurn(const std::string& elf, const std::string& jobs,
                            int rounds, Sample* theirs, Sample* mine) {
    tests::ScratchDir scratch;
    const std::string peer_out = scratch.file("theirs");
    const std::string our_out = scratch.file("ours");
    for (int i = 0; i <= rounds; ++i) {
      ASSIGN_OR_RETURN(const Timing peer,
                       RunTimed(Encode({pahole_}, jobs, peer_out, elf), {}));
      ASSIGN_OR_RETURN(
          const Timing ours,
          RunOurs(Encode({programs_.ours.btfc, "pahole"}, jobs, our_out, elf),
                  KbuildEnvironment()));
      if (tests::ReadFileOrEmpty(peer_out) != tests::ReadFileOrEmpty(our_out)) {
        return absl::InternalError(
            absl::StrCat(elf, ": pahole's BTF and ours differ"));
      }
      if (i == 0 && rounds > 1) continue;
      theirs->Add(peer);
      mine->Add(ours);
    }
    return absl::OkStatus();
  }

  absl::Status EncodeAlone(const Module& module, double* peak_mib) {
    const std::string elf = absl::StrCat(dbg_, "modules/", module.path);
    Sample theirs, mine;
    RETURN_IF_ERROR(EncodeInTurn(elf, "-j1", module.rounds, &theirs, &mine));
    *peak_mib = std::max(*peak_mib, mine.peak_mib);
    AddCpu(absl::StrCat("encode without a base, 7.3: ",
                        fs::path(elf).stem().string()),
           "pahole 1.32 -j1", theirs, mine, module.encode_bar);
    return absl::OkStatus();
  }

  absl::Status Vmlinux() {
    const std::string elf = dbg_ + "vmlinux";
    Sample theirs, mine;
    RETURN_IF_ERROR(EncodeInTurn(elf, "-j1", 1, &theirs, &mine));
    AddCpu("encode vmlinux, 7.3", "pahole 1.32 -j1", theirs, mine, 10);
    Sample two_theirs, two_mine;
    RETURN_IF_ERROR(EncodeInTurn(elf, "-j2", 1, &two_theirs, &two_mine));
    report_->AddTimes("encode vmlinux, 7.3, two threads", "ms",
                      "pahole 1.32 -j2", two_theirs.wall, two_mine.wall,
                      Statistic::kMean, 10);
    report_->AddUpperBound("encoding vmlinux: peak memory of the client", "MiB",
                           {mine.peak_mib}, 96);
    return absl::OkStatus();
  }

  const Programs& programs_;
  Report* const report_;
  const std::string dbg_;
  const std::string pahole_;
  tests::PrivateDaemon daemon_;
  int pid_ = 0;
};

}  // namespace

absl::Status BenchEncode(const Programs& programs, Report* report) {
  return EncodeBench(programs, report).Run();
}

}  // namespace btfd::bench
