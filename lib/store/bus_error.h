// SPDX-License-Identifier: Apache-2.0
//
// SQLite's WAL mode maps a file, NAME-shm, that all processes share which have
// the database open. Whoever truncates it makes the next of them that looks at
// it fail with SIGBUS, which ends a process. Here it does not: the page that is
// missing is replaced by one of zeros, which SQLite takes for an index that has
// to be made anew, and the database is set aside as one that was damaged.
#ifndef BTFD_LIB_STORE_BUS_ERROR_H_
#define BTFD_LIB_STORE_BUS_ERROR_H_

namespace btfd::store {

// From the first call on, for the whole process. Other bus errors end it as
// before: those at other addresses, and all of them where there is no /proc.
void SurviveBusErrors();

// How many pages were replaced so far.
int BusErrors();

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_BUS_ERROR_H_
