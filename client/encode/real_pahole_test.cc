// SPDX-License-Identifier: Apache-2.0
#include "client/encode/real_pahole.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/util/own_program.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RealPahole : public ::testing::Test {
 protected:
  RealPahole() {
    for (const std::string* directory : {&first_, &second_, &third_}) {
      mkdir(directory->c_str(), 0700);
    }
    search_.search_path = first_ + ":" + second_ + ":" + third_;
  }
  static void MakeProgram(const std::string& path) {
    testing::WriteFile(path, "#!/bin/sh\n");
    chmod(path.c_str(), 0700);
  }
  // A link to this program, as in an installation of btfd.
  static void MakeOurs(const std::string& path) {
    ASSERT_EQ(symlink(util::OwnProgram().c_str(), path.c_str()), 0);
  }
  std::string Why() const {
    const auto found = FindRealPaholeIn(search_);
    EXPECT_FALSE(found.ok()) << *found;
    return std::string(found.status().message());
  }

  const std::string root_ = testing::FreshDirectory();
  const std::string first_ = root_ + "/1", second_ = root_ + "/2",
                    third_ = root_ + "/3";
  PaholeSearch search_;
};

TEST_F(RealPahole, IsTheFirstInPathThatIsNotThisProgram) {
  MakeOurs(first_ + "/pahole");
  testing::WriteFile(second_ + "/pahole", "no program");
  MakeProgram(third_ + "/pahole");
  EXPECT_EQ(*FindRealPaholeIn(search_), third_ + "/pahole");
}

TEST_F(RealPahole, IsNotOneThatLedBackHere) {
  MakeOurs(first_ + "/pahole");
  MakeProgram(second_ + "/pahole");  // a copy of btfd, or a script
  MakeProgram(third_ + "/pahole");
  search_.tried = "\n" + second_ + "/pahole";
  EXPECT_EQ(*FindRealPaholeIn(search_), third_ + "/pahole");
  search_.tried += "\n" + third_ + "/pahole";
  EXPECT_THAT(Why(), HasSubstr("but for what leads back to btfd (" + first_ +
                               "/pahole, " + second_ + "/pahole, " + third_ +
                               "/pahole); install it"));
}

TEST_F(RealPahole, MayBeNamedByAPathOrAName) {
  MakeProgram(second_ + "/pahole");
  MakeProgram(third_ + "/pahole-1.30");
  search_.named = third_ + "/pahole-1.30";
  EXPECT_EQ(*FindRealPaholeIn(search_), third_ + "/pahole-1.30");
  search_.named = "pahole-1.30";
  EXPECT_EQ(*FindRealPaholeIn(search_), third_ + "/pahole-1.30");
  search_.named = "pahole-1.31";
  EXPECT_THAT(Why(), HasSubstr("BTFD_PAHOLE=pahole-1.31 is no program"));
  search_.named = root_ + "/none";
  EXPECT_THAT(Why(), HasSubstr("/none is no program"));
}

TEST_F(RealPahole, WhereOurOwnIsNamedIsTheNextOne) {
  MakeOurs(first_ + "/pahole");
  MakeProgram(second_ + "/pahole");
  search_.named = first_ + "/pahole";
  EXPECT_EQ(*FindRealPaholeIn(search_), second_ + "/pahole");
  search_.named = "pahole";
  EXPECT_EQ(*FindRealPaholeIn(search_), second_ + "/pahole");
}

TEST_F(RealPahole, WhereThereIsNoneThatIsSaid) {
  EXPECT_THAT(Why(), HasSubstr("pahole: not found in PATH; install it"));
  EXPECT_THAT(Why(), Not(HasSubstr("leads back")));
}

TEST_F(RealPahole, IsNotedForTheProcessThatItBecomes) {
  MakeProgram(second_ + "/pahole");
  MakeProgram(third_ + "/pahole");
  unsetenv("BTFD_PAHOLE");
  unsetenv(kPaholeTried);
  setenv("PATH", search_.search_path.c_str(), 1);
  EXPECT_EQ(*ChooseRealPahole(), second_ + "/pahole");
  EXPECT_EQ(*ChooseRealPahole(), third_ + "/pahole");
  EXPECT_FALSE(ChooseRealPahole().ok());
}

}  // namespace
}  // namespace btfd::client
