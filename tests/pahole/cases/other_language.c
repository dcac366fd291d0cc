// SPDX-License-Identifier: Apache-2.0
// A unit of C and one that says it is Rust's: it is left out where asked for.
// compilers: gcc
struct of_c { int a; };
int in_c(struct of_c *s) { return s->a; }
