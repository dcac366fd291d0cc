// SPDX-License-Identifier: Apache-2.0
// A unit without types and functions.
