// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_DIFFERENTIAL_GENERATOR_RANDOM_GRAPH_H_
#define BTFD_TESTS_DIFFERENTIAL_GENERATOR_RANDOM_GRAPH_H_

#include "tests/differential/generator/generator.h"

namespace btfd::tests {

GeneratedCase GenerateRandomGraph(Random* random);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_GENERATOR_RANDOM_GRAPH_H_
