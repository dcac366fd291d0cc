// SPDX-License-Identifier: Apache-2.0
//
// Reads what the commands print with --json, with a library's parser. A test
// that searched for a piece of text would also accept text that no program can
// parse.
#ifndef BTFD_TESTS_SUPPORT_JSON_H_
#define BTFD_TESTS_SUPPORT_JSON_H_

#include <cstdint>
#include <string>

namespace btfd::tests {

// Returns the value at a path such as "counters.cache_hits" or "bases.0.types".
// Text is returned as it is; a whole number without a fraction; or "true",
// "false", "null". For an object or array, returns its number of elements.
// "(none)" if there is no such value; "(no JSON: why)" if `text` is not one
// JSON object.
std::string JsonAt(const std::string& text, const std::string& path);
// The same as a number; 0 if there is none.
uint64_t JsonNumberAt(const std::string& text, const std::string& path);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_JSON_H_
