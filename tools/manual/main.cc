// SPDX-License-Identifier: Apache-2.0
//
// Writes the manual pages and the completions into a directory. They depend on
// nothing but the tables in the code.
#include <stdio.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/manual/pages.h"
#include "daemon/startup/pages.h"
#include "lib/manual/completion.h"
#include "lib/manual/man_page.h"
#include "lib/util/version.h"

namespace btfd {
namespace {

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return true;
  fprintf(stderr, "make_manual: cannot write %s\n", path.c_str());
  return false;
}

bool WriteAll(const std::string& directory) {
  std::vector<const manual::Page*> pages = client::CommandPages();
  const std::vector<const manual::Page*> commands = pages;
  for (const manual::Page* page :
       {&client::BtfcPage(), &client::BtfcConfPage(), &daemon::BtfdPage(),
        &daemon::BtfdConfPage()}) {
    pages.push_back(page);
  }
  for (const manual::Page* page : pages) {
    if (!Write(absl::StrCat(directory, "/", page->file, ".", page->number),
               manual::ManPage(*page, util::kVersion))) {
      return false;
    }
  }
  return Write(directory + "/btfc.bash",
               manual::BashCompletion("btfc", commands)) &&
         Write(directory + "/_btfc", manual::ZshCompletion("btfc", commands)) &&
         Write(directory + "/btfc.fish",
               manual::FishCompletion("btfc", commands));
}

}  // namespace
}  // namespace btfd

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: make_manual DIRECTORY\n");
    return 2;
  }
  return btfd::WriteAll(argv[1]) ? 0 : 1;
}
