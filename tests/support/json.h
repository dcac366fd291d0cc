// SPDX-License-Identifier: Apache-2.0
//
// What the commands print with --json, read by a library's parser: a test that
// looks for a piece of text would accept what no program can read.
#ifndef BTFD_TESTS_SUPPORT_JSON_H_
#define BTFD_TESTS_SUPPORT_JSON_H_

#include <cstdint>
#include <string>

namespace btfd::tests {

// The value at a path such as "counters.cache_hits" or "bases.0.types": text as
// it is, a number without a fraction where it has none, "true", "false" or
// "null"; of an object or array, how many elements it has. "(none)" if there is
// no such value, "(no JSON: why)" if `text` is not one JSON object.
std::string JsonAt(const std::string& text, const std::string& path);
// The same as a number; 0 if there is none.
uint64_t JsonNumberAt(const std::string& text, const std::string& path);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_JSON_H_
