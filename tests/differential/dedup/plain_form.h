// SPDX-License-Identifier: Apache-2.0
//
// Generated BTF in the one form that every libbpf reads alike: little-endian,
// a header of 24 bytes, types, strings, nothing else.
#ifndef BTFD_TESTS_DIFFERENTIAL_DEDUP_PLAIN_FORM_H_
#define BTFD_TESTS_DIFFERENTIAL_DEDUP_PLAIN_FORM_H_

#include <string>

#include "tests/differential/generator/generator.h"

namespace btfd::tests {

// Precondition: a form that the generator draws.
std::string PlainForm(const std::string& raw);

// Base and split, both in plain form, as one standalone BTF: a residue that has
// all of the base, and what refers to it.
std::string Concatenated(const std::string& base, const std::string& split);

// With a string at the end of the section that nothing refers to.
std::string WithString(const std::string& raw, const std::string& text);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_DEDUP_PLAIN_FORM_H_
