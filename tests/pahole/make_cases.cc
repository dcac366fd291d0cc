// SPDX-License-Identifier: Apache-2.0
//
// make_cases OUT PEERS SOURCE...: compiles the sources in all ways, runs the
// real paholes over each object, and writes their output into OUT. NAME-2.c,
// NAME-3.c and so on are further units of the object of NAME.c. base_types.c
// gives the bases of the runs that have one.
//
// make_cases OUT PEERS --random=GROUPS: the same for random programs.
//
// Exits with 1 and the compiler's messages if something cannot be made.
//
// The comment at the head of a case's first source may have these lines:
//   everywhere       made by the special builds as well
//   compilers: X     only the builds of group X
//   not: X Y         none of the builds of these groups
//   flags: -X        for its compilation
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/pahole/builds.h"
#include "tests/pahole/cases.h"
#include "tests/pahole/maker.h"
#include "tests/support/process.h"

namespace btfd::tests {
namespace {

struct Source {
  std::string name;
  std::vector<std::string> files;
  bool everywhere = false;
  std::vector<std::string> compilers;
  std::vector<std::string> excluded;
  std::vector<std::string> flags;
};

void ReadDirectives(Source* source) {
  const std::string text = ReadFileOrEmpty(source->files[0]);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, "//")) return;
    line = absl::StripAsciiWhitespace(line);
    if (line == "everywhere") source->everywhere = true;
    if (absl::ConsumePrefix(&line, "compilers: ")) {
      source->compilers = absl::StrSplit(line, ' ');
    } else if (absl::ConsumePrefix(&line, "not: ")) {
      source->excluded = absl::StrSplit(line, ' ');
    } else if (absl::ConsumePrefix(&line, "flags: ")) {
      source->flags = absl::StrSplit(line, ' ');
    }
  }
}

std::vector<Source> SourcesOf(std::vector<std::string> files) {
  std::sort(files.begin(), files.end());
  std::map<std::string, Source> by_name;
  for (const std::string& file : files) {
    std::string stem = file.substr(file.rfind('/') + 1);
    stem = stem.substr(0, stem.find('.'));
    const std::string name = stem.substr(0, stem.find('-'));
    by_name[name].name = name;
    // The unit without a number is the first one.
    auto& all = by_name[name].files;
    all.insert(name == stem ? all.begin() : all.end(), file);
  }
  std::vector<Source> sources;
  for (auto& [name, source] : by_name) {
    ReadDirectives(&source);
    sources.push_back(source);
  }
  return sources;
}

bool Intersects(const std::vector<std::string>& a,
                const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& word) {
    return std::find(b.begin(), b.end(), word) != b.end();
  });
}

bool Wants(const Source& source, const Build& build) {
  if (!build.usual && !source.everywhere) return false;
  if (!source.compilers.empty() && !Intersects(source.compilers, build.groups))
    return false;
  return !Intersects(source.excluded, build.groups);
}

// Calls make(0) .. make(count - 1), each once, on as many threads as there are
// processors. Prints each error, and makes all the others anyway.
absl::Status ForAll(size_t count,
                    const std::function<absl::Status(size_t)>& make) {
  std::mutex mutex;
  absl::Status failed;
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency());
       ++i) {
    threads.emplace_back([&] {
      for (size_t at = next++; at < count; at = next++) {
        const absl::Status status = make(at);
        if (status.ok()) continue;
        std::lock_guard<std::mutex> lock(mutex);
        std::cerr << "make_cases: " << status.message() << "\n";
        failed = status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failed;
}

absl::StatusOr<std::vector<CaseGroup>> MakeCases(
    const std::vector<Source>& sources, const std::string& peers) {
  std::vector<CaseGroup> groups(1);
  struct Work {
    const Source* source;
    const Build* build;
    size_t at;  // in cases
    size_t slot;
  };
  std::vector<Work> work;
  for (const Source& source : sources) {
    Case one = {source.name, {}};
    for (const Build& build : AllBuilds()) {
      if (!Wants(source, build)) continue;
      work.push_back(
          {&source, &build, groups[0].cases.size(), one.built.size()});
      one.built.emplace_back();
    }
    groups[0].cases.push_back(std::move(one));
    if (source.name != "base_types") continue;
    auto bases = MakeBases(source.files, peers);
    if (!bases.ok()) return bases.status();
    groups[0].bases = *std::move(bases);
  }
  const absl::Status made = ForAll(work.size(), [&](size_t i) {
    const Source& source = *work[i].source;
    auto built = MakeBuilt(*work[i].build, work[i].build->runs, source.files,
                           source.flags, groups[0].bases, peers);
    if (!built.ok()) {
      return absl::InternalError(
          absl::StrCat(source.name, " ", built.status().message()));
    }
    groups[0].cases[work[i].at].built[work[i].slot] = *std::move(built);
    return absl::OkStatus();
  });
  if (!made.ok()) return made;
  return groups;
}

absl::StatusOr<std::vector<CaseGroup>> MakeRandom(size_t count,
                                                  const std::string& peers) {
  std::vector<CaseGroup> groups(count);
  const absl::Status made = ForAll(count, [&](size_t i) {
    auto group = MakeRandomGroup(i, peers);
    if (group.ok()) groups[i] = *std::move(group);
    return group.status();
  });
  if (!made.ok()) return made;
  return groups;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3) {
    std::cerr << "usage: make_cases OUT PEERS SOURCE... | --random=GROUPS\n";
    return 2;
  }
  absl::string_view first = arguments[2];
  const auto groups =
      absl::ConsumePrefix(&first, "--random=")
          ? MakeRandom(std::strtoul(std::string(first).c_str(), nullptr, 10),
                       arguments[1])
          : MakeCases(SourcesOf({arguments.begin() + 2, arguments.end()}),
                      arguments[1]);
  if (!groups.ok()) {
    std::cerr << "make_cases: " << groups.status().message() << "\n";
    return 1;
  }
  WriteFile(arguments[0], CasesToBytes(*groups));
  return 0;
}

}  // namespace
}  // namespace btfd::tests

int main(int argc, char** argv) {
  return btfd::tests::Main({argv + 1, argv + argc});
}
