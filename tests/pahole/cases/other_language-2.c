// SPDX-License-Identifier: Apache-2.0
// language: 0x1c
struct of_rust { long b, a; };
long in_rust(struct of_rust *s) { return s->a; }
struct of_rust of_rust;
