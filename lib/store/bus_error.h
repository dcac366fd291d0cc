// SPDX-License-Identifier: Apache-2.0
//
// Keeps the process alive when somebody truncates the shared index of the
// database.
//
// In WAL mode, SQLite keeps that index in a file NAME-shm, which every process
// that has the database open maps into its memory. If somebody truncates the
// file, the next access to the mapping raises SIGBUS, which would end the
// process. Here a signal handler puts a page of zeros in the place of the
// missing page. SQLite takes zeros for an index that it has to make anew. The
// session then sets the database aside as a damaged one (session.h).
#ifndef BTFD_LIB_STORE_BUS_ERROR_H_
#define BTFD_LIB_STORE_BUS_ERROR_H_

namespace btfd::store {

// Installs the handler, for the whole process; later calls do nothing. A bus
// error at any other address still ends the process. So does every bus error
// where /proc is not mounted.
void SurviveBusErrors();

// The number of pages that the handler has replaced so far.
int BusErrors();

}  // namespace btfd::store

#endif  // BTFD_LIB_STORE_BUS_ERROR_H_
