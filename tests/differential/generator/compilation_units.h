// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_DIFFERENTIAL_GENERATOR_COMPILATION_UNITS_H_
#define BTFD_TESTS_DIFFERENTIAL_GENERATOR_COMPILATION_UNITS_H_

#include "tests/differential/generator/generator.h"

namespace btfd::tests {

GeneratedCase GenerateCompilationUnits(Random* random);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_GENERATOR_COMPILATION_UNITS_H_
