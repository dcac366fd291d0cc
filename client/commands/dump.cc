// SPDX-License-Identifier: Apache-2.0
//
// btfc dump: the types of a file as text, JSON or C.
//
// It works in this process: parsing all of vmlinux takes a few milliseconds,
// and the text is longer than the BTF that it is made of.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/commands/commands.h"
#include "client/commands/named_btf.h"
#include "client/manual/pages.h"
#include "client/request/loaded_btf.h"
#include "lib/show/c_text.h"
#include "lib/show/json_text.h"
#include "lib/show/raw_text.h"
#include "lib/show/selection.h"
#include "lib/util/json.h"
#include "lib/util/status_macros.h"
#include "lib/util/work_budget.h"

namespace btfd::client {

namespace {

struct Options {
  std::string format = "raw";
  std::string base;
  std::string relocate;
  std::vector<std::string> types;
  std::vector<std::string> ids;
  std::vector<std::string> files;

  bool all() const { return types.empty() && ids.empty(); }
};

// Text is handed on in pieces of about this size.
constexpr size_t kPiece = size_t{64} << 10;

absl::Status Print(absl::string_view text) {
  if (fwrite(text.data(), 1, text.size(), stdout) == text.size()) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno,
                             absl::StrCat("cannot write: ", strerror(errno)));
}

// What --type and --id ask for.
absl::StatusOr<std::vector<btf::TypeId>> Roots(const btf::Btf& btf,
                                               const Options& options) {
  std::vector<btf::TypeId> roots;
  for (const std::string& name : options.types) {
    ASSIGN_OR_RETURN(const std::vector<btf::TypeId> found,
                     show::FindTypes(btf, name));
    roots.insert(roots.end(), found.begin(), found.end());
  }
  for (const std::string& text : options.ids) {
    btf::TypeId id = 0;
    if (!absl::SimpleAtoi(text, &id) || id == 0 || id >= btf.end_id()) {
      return absl::NotFoundError(absl::StrCat(
          "there is no type ", text, ": ids are 1 to ", btf.end_id() - 1));
    }
    roots.push_back(id);
  }
  return roots;
}

absl::Status PrintC(const btf::Btf& btf, const Options& options,
                    util::WorkBudget* work) {
  std::string text;
  if (options.all()) {
    RETURN_IF_ERROR(show::AppendC(btf, work, &text));
  } else {
    ASSIGN_OR_RETURN(const std::vector<btf::TypeId> roots, Roots(btf, options));
    RETURN_IF_ERROR(show::AppendC(btf, roots, work, &text));
  }
  return Print(text);
}

absl::StatusOr<std::vector<show::ShownType>> Select(const btf::Btf& btf,
                                                    const Options& options) {
  if (options.all()) return show::AllOwn(btf);
  ASSIGN_OR_RETURN(const std::vector<btf::TypeId> roots, Roots(btf, options));
  return show::WithNeeded(btf, roots);
}

absl::Status PrintRaw(const btf::Btf& btf,
                      const std::vector<show::ShownType>& types,
                      util::WorkBudget* work) {
  std::string text;
  for (const show::ShownType& shown : types) {
    const size_t before = text.size();
    show::AppendRawText(btf, shown, &text);
    work->Spend(text.size() - before);
    RETURN_IF_ERROR(work->Check());
    if (text.size() < kPiece) continue;
    RETURN_IF_ERROR(Print(text));
    text.clear();
  }
  return Print(text);
}

absl::Status PrintJson(const std::string& path, const btf::Btf& btf,
                       const std::vector<show::ShownType>& types,
                       util::WorkBudget* work) {
  util::JsonWriter json;
  json.Open('{').Add("file", path).Open('[', "types");
  for (const show::ShownType& shown : types) {
    const size_t before = json.text().size();
    show::AddJson(btf, shown, &json);
    work->Spend(json.text().size() - before);
    RETURN_IF_ERROR(work->Check());
    if (json.text().size() >= kPiece) RETURN_IF_ERROR(Print(json.TakeText()));
  }
  json.Close().Close();
  RETURN_IF_ERROR(Print(json.text()));
  return Print("\n");
}

absl::Status DumpFile(const std::string& path, const Under& under,
                      const Options& options) {
  ASSIGN_OR_RETURN(const LoadedBtf loaded, ReadNamedBtf(path, under));
  const btf::Btf& btf = loaded.btf();
  util::WorkBudget work = util::WorkBudget::ForInput(loaded.input_bytes());
  const auto show = [&]() -> absl::Status {
    if (options.format == "c") return PrintC(btf, options, &work);
    ASSIGN_OR_RETURN(const std::vector<show::ShownType> types,
                     Select(btf, options));
    if (options.format == "json") return PrintJson(path, btf, types, &work);
    if (options.files.size() > 1) {
      RETURN_IF_ERROR(Print(absl::StrCat(path, ":\n")));
    }
    return PrintRaw(btf, types, &work);
  };
  const absl::Status status = show();
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<Under> ReadUnder(const Options& options) {
  Under under;
  under.relocate = !options.relocate.empty();
  const std::string& path = under.relocate ? options.relocate : options.base;
  if (!path.empty()) {
    ASSIGN_OR_RETURN(under.base, ReadNamedBase(path));
  }
  return under;
}

}  // namespace

int RunDump(const std::vector<std::string>& arguments) {
  Options options;
  CommandLine line(DumpPage());
  line.Value("format", &options.format);
  line.Value("base", &options.base);
  line.Value("relocate", &options.relocate);
  line.List("type", &options.types);
  line.List("id", &options.ids);
  const std::optional<int> end = line.Parse(arguments, &options.files);
  if (end.has_value()) return *end;
  if (options.format != "raw" && options.format != "c" &&
      options.format != "json") {
    return line.WrongCall(absl::StrCat("unknown format ", options.format));
  }
  if (!options.base.empty() && !options.relocate.empty()) {
    return line.WrongCall("--base and --relocate exclude each other");
  }
  if (options.files.empty()) return line.WrongCall("no FILE is given");
  if (options.format == "c" && options.files.size() > 1) {
    return line.WrongCall("a header is of one FILE");
  }

  const absl::StatusOr<Under> under = ReadUnder(options);
  if (!under.ok()) {
    SayError(under.status().message());
    return kExitFailure;
  }
  bool failed = false;
  for (const std::string& path : options.files) {
    const absl::Status status = DumpFile(path, *under, options);
    if (status.ok()) continue;
    SayError(status.message());
    failed = true;
  }
  if (fflush(stdout) != 0) {
    SayError(absl::StrCat("cannot write: ", strerror(errno)));
    failed = true;
  }
  return failed ? kExitFailure : 0;
}

}  // namespace btfd::client
