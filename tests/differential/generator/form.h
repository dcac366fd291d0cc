// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_DIFFERENTIAL_GENERATOR_FORM_H_
#define BTFD_TESTS_DIFFERENTIAL_GENERATOR_FORM_H_

#include "lib/btf/testing/builder.h"
#include "tests/differential/generator/generator.h"

namespace btfd::tests {

// Draws what does not matter to types: header size, byte order, layout section,
// strings that occur twice. Most cases get the plain form.
inline void DrawForm(Random* random, btf::testing::BtfBuilder* builder) {
  btf::testing::BlobForm& form = builder->form();
  if (random->Chance(30)) form.hdr_len = btf::kExtendedHeaderSize;
  if (random->Chance(8)) form.big_endian = true;
  if (form.hdr_len == btf::kExtendedHeaderSize && random->Chance(20)) {
    form.layout = btf::testing::StandardLayout();
  }
  if (random->Chance(15)) builder->ShareStrings(false);
}

}  // namespace btfd::tests

#endif  // BTFD_TESTS_DIFFERENTIAL_GENERATOR_FORM_H_
