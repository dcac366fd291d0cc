// SPDX-License-Identifier: Apache-2.0
//
// Parses pahole's command line as kbuild writes it, so that the base can be
// left out of a call that encodes BTF. Source: pahole(1) of dwarves 1.24 to
// 1.31.
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
  // --btf_encode_detached. Without it, the ELF file itself gets the section.
  std::optional<std::string> detached;
  // Feature distilled_base: make .BTF.base, too.
  bool distill = false;
  // All other arguments in their order: without the base, that feature, the
  // detached file and the ELF file.
  std::vector<std::string> rest;
};

// Returns nothing for any other call, and for one in a spelling that is not
// known here: only pahole itself can do these. `arguments` are without the
// program's name.
std::optional<PaholeEncoding> ParsePaholeEncoding(
    const std::vector<std::string>& arguments);

// The words of PAHOLE_FLAGS without those that make pahole distill.
std::vector<std::string> WithoutDistilledBase(
    const std::vector<std::string>& arguments, bool* had_it);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_ENCODE_PAHOLE_ARGUMENTS_H_
