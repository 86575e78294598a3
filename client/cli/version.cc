#include "client/cli/version.h"

namespace quantd {

const char* const kClientVersion = QUANTD_VERSION;

}  // namespace quantd
