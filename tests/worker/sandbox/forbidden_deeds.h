// Things that a job's process must not be able to do, and some that it must, each as a function that tries it. The test
// program runs itself again to try one of them inside a sandbox or outside.
#pragma once

#include <string>

namespace quantd::testing {

// 0 when the deed was done, else the errno of what stood in its way. `argument` is a path or a number.
// REQUIRES: the deed exists.
int TryDeed(const std::string& deed, const std::string& argument);

}  // namespace quantd::testing
