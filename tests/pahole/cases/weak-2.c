// SPDX-License-Identifier: Apache-2.0
// The strong definitions.
int replaced(int a) { return a * 2; }
long other_types(long a, char *b) { return a; }
int weak_value = 5;
