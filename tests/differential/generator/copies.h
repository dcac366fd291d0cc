// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_DIFFERENTIAL_GENERATOR_COPIES_H_
#define BTFD_TESTS_DIFFERENTIAL_GENERATOR_COPIES_H_

#include "tests/differential/generator/generator.h"

namespace btfd::tests {

GeneratedCase GenerateCopies(Random* random);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_GENERATOR_COPIES_H_
