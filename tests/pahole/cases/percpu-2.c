// SPDX-License-Identifier: Apache-2.0
// The second unit's share of the section.
#define PERCPU __attribute__((section(".data..percpu")))
static PERCPU __attribute__((used)) int hidden;
PERCPU long in_second[3];
extern PERCPU unsigned long counter;
unsigned long read_counter(void) { return counter; }
