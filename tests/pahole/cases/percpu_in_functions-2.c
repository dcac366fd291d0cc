// SPDX-License-Identifier: Apache-2.0
// Merged with the first unit this variable has no type, which ends 1.24's.
#define PERCPU __attribute__((section(".data..percpu")))
static PERCPU __attribute__((used)) int hidden;
PERCPU long in_second[3];
int read_hidden(void) { return hidden; }
