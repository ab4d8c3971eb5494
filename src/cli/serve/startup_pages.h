#pragma once

namespace larnax::cli {

/// Unmap the pages of program and libraries that cannot be written, where nobody has written any.
///
/// Linking looks up tens of thousands of symbols, initialisers run, and the kernel maps 16 pages
/// for each that is touched: more than half of a small server's resident memory are pages that
/// only the start read. Called once the start is over, this leaves in the process what it uses
/// from then on; that comes back from the page cache at the first touch, in microseconds.
///
/// It frees nothing that the system could not take back at any time: the pages are those of files
/// and stay in the page cache, where a control group goes on counting them. The system takes them
/// more easily when nobody maps them, and the resident memory of the process says what it works
/// with.
void ReleaseStartupPages();

}  // namespace larnax::cli
