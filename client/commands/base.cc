// SPDX-License-Identifier: Apache-2.0
//
// btfc base: lists, adds and removes the bases that the daemon holds.
#include <stdio.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/cli/command_line.h"
#include "client/cli/environment.h"
#include "client/commands/commands.h"
#include "client/commands/named_btf.h"
#include "client/commands/status.h"
#include "client/manual/pages.h"
#include "client/request/base_file.h"
#include "client/rpc/daemon_calls.h"
#include "client/rpc/shared_daemon.h"
#include "lib/elf/any_btf.h"
#include "lib/util/json.h"
#include "lib/util/status_macros.h"

namespace btfd::client {

namespace {

absl::Status Outcome(v1::Outcome outcome, const std::string& message) {
  if (outcome == v1::OK) return absl::OkStatus();
  return absl::InvalidArgumentError(message.empty() ? v1::Outcome_Name(outcome)
                                                    : message);
}

absl::Status Add(const std::string& path) {
  ASSIGN_OR_RETURN(BaseFile base,
                   BaseFile::Open(path, Environment::OfProcess().base_check,
                                  &elf::ReadAnyBtf));
  ASSIGN_OR_RETURN(const util::Digest digest, base.digest());
  ASSIGN_OR_RETURN(const auto daemon, OpenOrStartDaemon());
  ASSIGN_OR_RETURN(const v1::AddBaseResponse response,
                   AddBase(daemon.get(), &base));
  RETURN_IF_ERROR(Outcome(response.outcome(),
                          absl::StrCat(path, ": ", response.message())));
  printf("%s  %u types%s\n", digest.hex().c_str(), response.types(),
         response.already_known() ? ", known already" : "");
  return absl::OkStatus();
}

absl::StatusOr<v1::ListBasesResponse> ListBases(DirectConnection* daemon) {
  v1::ListBasesResponse response;
  RETURN_IF_ERROR(Call(daemon, kListBases, v1::ListBasesRequest(), &response));
  return response;
}

absl::Status List(bool as_json) {
  ASSIGN_OR_RETURN(const auto daemon, OpenOrStartDaemon());
  ASSIGN_OR_RETURN(const v1::ListBasesResponse bases, ListBases(daemon.get()));
  util::JsonWriter json;
  json.Open('[');
  for (const v1::BaseInfo& base : bases.bases()) {
    if (as_json) {
      AddBase(base, &json);
    } else {
      puts(BaseLine(base).c_str());
    }
  }
  json.Close();
  if (as_json) puts(json.text().c_str());
  return absl::OkStatus();
}

absl::Status Remove(const std::string& beginning) {
  ASSIGN_OR_RETURN(const auto daemon, OpenOrStartDaemon());
  v1::RemoveBaseRequest request;
  ASSIGN_OR_RETURN(const util::Digest digest,
                   FindBase(daemon.get(), beginning));
  request.set_digest(std::string(digest.binary()));
  v1::RemoveBaseResponse response;
  RETURN_IF_ERROR(Call(daemon.get(), kRemoveBase, request, &response));
  return Outcome(response.outcome(), response.message());
}

}  // namespace

int RunBase(const std::vector<std::string>& arguments) {
  bool as_json = false;
  CommandLine line(BasePage());
  line.Flag("json", &as_json);
  std::vector<std::string> words;
  const std::optional<int> end = line.Parse(arguments, &words);
  if (end.has_value()) return *end;

  const std::string verb = words.empty() ? "" : words[0];
  absl::Status status;
  if (verb == "add" && words.size() == 2) {
    status = Add(words[1]);
  } else if (verb == "list" && words.size() == 1) {
    status = List(as_json);
  } else if (verb == "remove" && words.size() == 2 && !words[1].empty()) {
    status = Remove(words[1]);
  } else {
    return line.WrongCall("one of: add FILE, list, remove DIGEST");
  }
  if (status.ok()) return 0;
  SayError(status.message());
  return kExitFailure;
}

}  // namespace btfd::client
