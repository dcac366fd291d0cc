// SPDX-License-Identifier: Apache-2.0
#ifndef BTFD_TESTS_DIFFERENTIAL_GENERATOR_FORM_H_
#define BTFD_TESTS_DIFFERENTIAL_GENERATOR_FORM_H_

#include "lib/btf/testing/builder.h"
#include "tests/differential/generator/generator.h"

namespace btfd::tests {

// Header size, byte order, layout section, doubled strings: what does not
// matter to types, drawn mostly plain.
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
