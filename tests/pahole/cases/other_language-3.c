// SPDX-License-Identifier: Apache-2.0
// Again C, after it.
struct of_c_too { int a; int list[4]; };
int in_c_too(struct of_c_too *s) { return s->a; }
