// SPDX-License-Identifier: Apache-2.0
//
// pahole's command line, as far as kbuild uses it: enough to take the base out
// of a call that encodes BTF. Source: pahole(1) of dwarves 1.24 to 1.31.
#ifndef BTFD_CLIENT_ENCODE_PAHOLE_ARGUMENTS_H_
#define BTFD_CLIENT_ENCODE_PAHOLE_ARGUMENTS_H_

#include <optional>
#include <string>
#include <vector>

namespace btfd::client {

// A call that encodes the BTF of one file over a base.
struct PaholeEncoding {
  std::string base;  // --btf_base
  std::string elf;
  // --btf_encode_detached; else the ELF file itself gets the section.
  std::optional<std::string> detached;
  // Feature distilled_base: .BTF.base as well.
  bool distill = false;
  // All the rest in its order: without the base, that feature, the detached
  // file and the ELF file.
  std::vector<std::string> rest;
};

// Nothing for any other call, and for one that is spelled in a way that is not
// known here: these are pahole's alone. `arguments` come without the program's
// name.
std::optional<PaholeEncoding> ParsePaholeEncoding(
    const std::vector<std::string>& arguments);

// The words of PAHOLE_FLAGS without what makes pahole distill.
std::vector<std::string> WithoutDistilledBase(
    const std::vector<std::string>& arguments, bool* had_it);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_PAHOLE_ARGUMENTS_H_
