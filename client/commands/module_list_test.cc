// SPDX-License-Identifier: Apache-2.0
#include "client/commands/module_list.h"

#include <filesystem>
#include <string>

#include "client/testing/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ModuleList, APathALineAndNothingElse) {
  const std::string path = testing::FreshDirectory() + "/list";
  testing::WriteFile(path, "/a/b.ko\n\n  c d.ko \r\n/e.ko");
  const auto modules = ReadModuleList(path);
  ASSERT_TRUE(modules.ok()) << modules.status();
  EXPECT_THAT(*modules, ElementsAre("/a/b.ko", "c d.ko", "/e.ko"));
}

TEST(ModuleList, ObjectsOfModulesOrderStandForTheirModules) {
  const std::string path = testing::FreshDirectory() + "/modules.order";
  testing::WriteFile(path, "net/key/af_key.o\nfs/xfs/xfs.ko\n");
  const auto modules = ReadModuleList(path);
  ASSERT_TRUE(modules.ok()) << modules.status();
  EXPECT_THAT(*modules, ElementsAre("net/key/af_key.ko", "fs/xfs/xfs.ko"));
}

TEST(ModuleList, EntriesOfAnInstalledListAreFoundBesideIt) {
  const std::string directory = testing::FreshDirectory();
  std::filesystem::create_directories(directory + "/kernel/net");
  testing::WriteFile(directory + "/kernel/net/here.ko", "");
  testing::WriteFile(directory + "/modules.order",
                     "kernel/net/here.ko\nkernel/net/gone.ko\n");
  const auto modules = ReadModuleList(directory + "/modules.order");
  ASSERT_TRUE(modules.ok()) << modules.status();
  EXPECT_THAT(*modules, ElementsAre(directory + "/kernel/net/here.ko",
                                    "kernel/net/gone.ko"));
}

TEST(ModuleList, AMissingListIsNamed) {
  const auto modules = ReadModuleList("/no/list");
  EXPECT_EQ(modules.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(modules.status().message()), HasSubstr("/no/list"));
}

}  // namespace
}  // namespace btfd::client
