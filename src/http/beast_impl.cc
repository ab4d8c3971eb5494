// The one translation unit that holds the non-template parts of Asio and Beast; see the room's
// CMakeLists.txt, which defines the macros of separate compilation for all others.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
