// SPDX-License-Identifier: Apache-2.0
//
// Writes what CO-RE reads of a BPF object, relocation by relocation:
//
//   ProgramBuilder program;
//   const TypeId i32 = program.types.Int("int", 4);
//   const TypeId task = program.types.Struct("task", 4, {{"pid", i32, 0}});
//   program.Relocate(task, "0:0", RelocationKind::kFieldByteOffset);
//   const core::Program parsed = program.Build();
//
// It checks nothing, so that tests can also write malformed sections.
#ifndef BTFD_LIB_CORE_TESTING_PROGRAM_BUILDER_H_
#define BTFD_LIB_CORE_TESTING_PROGRAM_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/btf/testing/builder.h"
#include "lib/core/program.h"
#include "lib/core/relocation.h"

namespace btfd::core::testing {

class ProgramBuilder {
 public:
  ProgramBuilder() = default;
  ProgramBuilder(const ProgramBuilder&) = delete;
  ProgramBuilder& operator=(const ProgramBuilder&) = delete;

  btf::testing::BtfBuilder types;

  // Relocations of one section stand together in the order of the calls.
  void Relocate(btf::TypeId type, const std::string& access,
                RelocationKind kind, const std::string& section = "kprobe/x");

  // .BTF.ext, in the byte order of types.form(). With `record_size` above 16,
  // what follows a record is filled with 0xff.
  std::string Ext(uint32_t record_size = 16);
  // Ends the test's process on what Program::Parse() refuses.
  Program Build(const std::string& name = "prog.bpf.o");

 private:
  struct Record {
    uint32_t section;
    uint32_t words[4];
  };
  std::vector<Record> records_;
};

}  // namespace btfd::core::testing

#endif  // BTFD_LIB_CORE_TESTING_PROGRAM_BUILDER_H_
