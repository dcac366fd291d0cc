// SPDX-License-Identifier: Apache-2.0
//
// What each command says of itself (lib/manual/page.h). The options of a page
// are those that the command's CommandLine takes.
#ifndef BTFD_CLIENT_MANUAL_PAGES_H_
#define BTFD_CLIENT_MANUAL_PAGES_H_

#include <vector>

#include "lib/manual/page.h"

namespace btfd::client {

// build.cc: what stands in a kernel's build.
const manual::Page& FinalizePage();
const manual::Page& GenBtfPage();
const manual::Page& PaholePage();
// dkms.cc
const manual::Page& DkmsPage();
// resolve_btfids.cc
const manual::Page& ResolveBtfidsPage();
// show.cc: what looks at kernels and modules.
const manual::Page& DiffPage();
const manual::Page& DoctorPage();
const manual::Page& DumpPage();
const manual::Page& ReportPage();
const manual::Page& VerifyPage();
// core.cc: what makes BTF of BTF.
const manual::Page& ExtractBasePage();
const manual::Page& MinCorePage();
const manual::Page& MinCoreBtfPage();
// daemon.cc: the daemon and its settings.
const manual::Page& BasePage();
const manual::Page& CachePage();
const manual::Page& ConfigPage();
const manual::Page& RestartPage();
const manual::Page& StartPage();
const manual::Page& StatusPage();
const manual::Page& StopPage();

// pages.cc. All of the above, in the order of `btfc --help`; then btfc itself,
// and its configuration file.
std::vector<const manual::Page*> CommandPages();
const manual::Page& BtfcPage();
const manual::Page& BtfcConfPage();

}  // namespace btfd::client

#endif  // BTFD_CLIENT_MANUAL_PAGES_H_
