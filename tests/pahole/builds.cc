// SPDX-License-Identifier: Apache-2.0
#include "tests/pahole/builds.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/process.h"

namespace btfd::tests {

namespace {

using Link = Build::Link;
using Words = std::vector<std::string>;

Words Concat(std::initializer_list<Words> lists) {
  Words all;
  for (const Words& list : lists)
    all.insert(all.end(), list.begin(), list.end());
  return all;
}

// As a kernel is built: no libraries, no start-up code, no unwind tables.
const Words& Common() {
  static const auto* words = new Words{"-std=gnu11",
                                       "-ffreestanding",
                                       "-fno-pie",
                                       "-fno-stack-protector",
                                       "-fno-asynchronous-unwind-tables",
                                       "-w"};
  return *words;
}

void AddPlain(std::vector<Build>* builds) {
  for (const char* compiler : {"gcc", "clang"}) {
    for (const char* level : {"-O2", "-O0", "-Os"}) {
      for (const char* dwarf : {"5", "4"}) {
        Build build;
        build.name = absl::StrCat(compiler, level, "-dwarf", dwarf);
        build.compiler = compiler;
        build.flags = {"-g", absl::StrCat("-gdwarf-", dwarf), level};
        build.groups = {compiler};
        if (absl::string_view(level) == "-O2" &&
            absl::string_view(dwarf) == "5") {
          build.runs = Runs::kAll;
        }
        builds->push_back(build);
      }
    }
  }
}

void AddSpecial(std::vector<Build>* builds) {
  const auto add = [&](Build build) {
    build.usual = false;
    builds->push_back(std::move(build));
  };
  const Words o2 = {"-g", "-O2"};
  const auto with = [&](const Words& more) { return Concat({o2, more}); };
  add({"gcc-dwarf2",
       "gcc",
       with({"-gdwarf-2", "-gstrict-dwarf"}),
       Link::kRelocatable,
       {},
       "ld",
       {"gcc"}});
  add({"gcc-compressed",
       "gcc",
       with({"-gz"}),
       Link::kRelocatable,
       {},
       "ld",
       {"gcc"}});
  add({"gcc-sections",
       "gcc",
       with({"-ffunction-sections", "-fdata-sections"}),
       Link::kRelocatable,
       {},
       "ld",
       {"gcc"}});
  // At the addresses of a vmlinux.
  add({"gcc-executable",
       "gcc",
       with({"-mcmodel=kernel"}),
       Link::kExecutable,
       {"-e0", "-Ttext-segment=0xffffffff81000000"},
       "ld",
       {"gcc", "so", "executable"}});
  add({"clang-executable",
       "clang",
       o2,
       Link::kExecutable,
       {"-e0"},
       "ld",
       {"clang", "so", "executable"}});
  for (const char* compiler : {"gcc", "clang"}) {
    add({absl::StrCat(compiler, "-shared"),
         compiler,
         with({"-fPIC"}),
         Link::kShared,
         {},
         "ld",
         {compiler, "so"}});
    add({absl::StrCat(compiler, "-lto"),
         compiler,
         o2,
         Link::kLto,
         {},
         "ld",
         {compiler, "lto"}});
  }
  add({"gcc-lto-shared",
       "gcc",
       with({"-fPIC"}),
       Link::kLtoShared,
       {},
       "ld",
       {"gcc", "lto", "so"}});
  for (const char* machine : {"aarch64", "s390x"}) {
    const std::string triple = absl::StrCat(machine, "-linux-gnu");
    add({absl::StrCat(machine, "-gcc"),
         triple + "-gcc",
         o2,
         Link::kRelocatable,
         {},
         triple + "-ld",
         {"gcc", "cross", machine, absl::StrCat(machine, "-gcc")}});
    add({absl::StrCat(machine, "-clang"),
         "clang",
         with({"--target=" + triple}),
         Link::kRelocatable,
         {},
         triple + "-ld",
         {"clang", "cross", machine, absl::StrCat(machine, "-clang")}});
  }
}

std::string Execute(const Words& argv) {
  const ProcessResult process = RunProcess(argv);
  if (process.exit_code == 0) return "";
  return absl::StrCat(argv[0], ": exit code ", process.exit_code, "\n",
                      process.out, process.err);
}

// The DW_AT_language that a source asks for; empty if it keeps its own.
std::string WantedLanguage(const std::string& source) {
  const std::string text = ReadFileOrEmpty(source);
  const absl::string_view mark = "// language: ";
  const size_t at = text.find(std::string(mark));
  if (at == std::string::npos) return "";
  const size_t start = at + mark.size();
  return text.substr(start, text.find('\n', start) - start);
}

// Replaces the number in gcc's own assembler line for DW_AT_language.
std::string WithLanguage(const std::string& assembly,
                         const std::string& language) {
  Words lines = absl::StrSplit(assembly, '\n');
  for (std::string& line : lines) {
    if (absl::StrContains(line, "# DW_AT_language") &&
        absl::StrContains(line, ".byte")) {
      line = absl::StrCat("\t.byte\t", language, "\t# DW_AT_language");
    }
  }
  std::string all;
  for (const std::string& line : lines) absl::StrAppend(&all, line, "\n");
  return all;
}

std::string Compile(const Build& build, const std::string& source,
                    const Words& flags, const std::string& object) {
  Words argv = Concat({{build.compiler}, Common(), build.flags, flags});
  const bool lto = build.link == Link::kLto || build.link == Link::kLtoShared;
  if (lto) argv.push_back("-flto");
  const std::string language = WantedLanguage(source);
  if (language.empty()) {
    return Execute(Concat({argv, {"-c", source, "-o", object}}));
  }
  const std::string assembly = object + ".s";
  std::string error =
      Execute(Concat({argv, {"-S", "-dA", source, "-o", assembly}}));
  if (!error.empty()) return error;
  WriteFile(assembly, WithLanguage(ReadFileOrEmpty(assembly), language));
  return Execute({build.compiler, "-c", assembly, "-o", object});
}

std::string LinkObjects(const Build& build, const Words& objects,
                        const std::string& directory,
                        const std::string& object) {
  const Words out = {"-o", object};
  switch (build.link) {
    case Link::kRelocatable:
      return Execute(Concat({{build.linker, "-r"}, objects, out}));
    case Link::kShared:
      return Execute(Concat({{build.linker, "-shared"}, objects, out}));
    case Link::kExecutable:
      return Execute(
          Concat({{build.linker, "--unresolved-symbols=ignore-all", "-static"},
                  build.link_flags,
                  objects,
                  out}));
    case Link::kLto:
    case Link::kLtoShared:
      break;
  }
  if (build.compiler == "clang") {
    const std::string all = directory + "/all.bc";
    std::string error = Execute(Concat({{"llvm-link"}, objects, {"-o", all}}));
    if (!error.empty()) return error;
    return Execute(Concat({{"clang", "-O2", "-c", all}, out}));
  }
  const Words kind = build.link == Link::kLto
                         ? Words{"-r", "-flinker-output=nolto-rel"}
                         : Words{"-shared"};
  return Execute(Concat({{build.compiler},
                         Common(),
                         build.flags,
                         {"-flto", "-nostdlib"},
                         kind,
                         objects,
                         out}));
}

}  // namespace

const std::vector<Build>& AllBuilds() {
  static const auto* builds = [] {
    auto* all = new std::vector<Build>;
    AddPlain(all);
    AddSpecial(all);
    return all;
  }();
  return *builds;
}

std::string MakeObject(const Build& build, const Words& sources,
                       const Words& more_flags, const std::string& directory,
                       const std::string& object) {
  Words objects;
  for (const std::string& source : sources) {
    objects.push_back(absl::StrCat(directory, "/", objects.size(), ".o"));
    std::string error = Compile(build, source, more_flags, objects.back());
    if (!error.empty()) return error;
  }
  if (objects.size() == 1 && build.link == Link::kRelocatable) {
    return Execute({"cp", objects[0], object});
  }
  return LinkObjects(build, objects, directory, object);
}

}  // namespace btfd::tests
