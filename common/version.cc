#include "common/version.h"

namespace quantd {

const char* const kVersion = QUANTD_VERSION;

}  // namespace quantd
