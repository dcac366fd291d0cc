// SPDX-License-Identifier: Apache-2.0
//
// Rewrites generated BTF in the one form that every libbpf reads:
// little-endian, a header of 24 bytes, types, strings, and nothing else.
#ifndef BTFD_TESTS_DIFFERENTIAL_DEDUP_PLAIN_FORM_H_
#define BTFD_TESTS_DIFFERENTIAL_DEDUP_PLAIN_FORM_H_

#include <string>

#include "tests/differential/generator/generator.h"

namespace btfd::tests {

// Precondition: the form is one that the generator makes.
std::string PlainForm(const std::string& raw);

// Base and split, both in plain form, as one standalone BTF: a residue that has
// all types of the base and all types that refer to it.
std::string Concatenated(const std::string& base, const std::string& split);

// Adds a string at the end of the section, to which no type refers.
std::string WithString(const std::string& raw, const std::string& text);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_DEDUP_PLAIN_FORM_H_
