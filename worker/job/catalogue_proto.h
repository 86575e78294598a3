// The engine's catalogue as protobuf: what a worker announces.
#pragma once

#include "quantd/v1/quality.pb.h"

namespace quantd {

v1::Catalogue MakeCatalogueProto();

}  // namespace quantd
