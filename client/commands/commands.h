// SPDX-License-Identifier: Apache-2.0
//
// The commands of btfc, each in the file of its name. Each function gets the
// arguments behind the command's name and returns the exit code.
#ifndef BTFD_CLIENT_COMMANDS_COMMANDS_H_
#define BTFD_CLIENT_COMMANDS_COMMANDS_H_

#include <string>
#include <vector>

namespace btfd::client {

int RunResolveBtfids(const std::vector<std::string>& arguments);
int RunFinalize(const std::vector<std::string>& arguments);
int RunGenBtf(const std::vector<std::string>& arguments);
// RunPaholeCommand() is `btfc pahole`, which has a help of its own. RunPahole()
// runs under the name of pahole and has only the real pahole's options.
int RunPaholeCommand(const std::vector<std::string>& arguments);
int RunPahole(const std::vector<std::string>& arguments);
int RunDiff(const std::vector<std::string>& arguments);
int RunDump(const std::vector<std::string>& arguments);
int RunExtractBase(const std::vector<std::string>& arguments);
int RunMinCore(const std::vector<std::string>& arguments);
int RunMinCoreBtf(const std::vector<std::string>& arguments);
int RunVerify(const std::vector<std::string>& arguments);
int RunDkms(const std::vector<std::string>& arguments);
int RunReport(const std::vector<std::string>& arguments);
int RunDoctor(const std::vector<std::string>& arguments);
int RunBase(const std::vector<std::string>& arguments);
int RunConfig(const std::vector<std::string>& arguments);
int RunCache(const std::vector<std::string>& arguments);
int RunStatus(const std::vector<std::string>& arguments);
int RunStart(const std::vector<std::string>& arguments);
int RunStop(const std::vector<std::string>& arguments);
int RunRestart(const std::vector<std::string>& arguments);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_COMMANDS_H_
