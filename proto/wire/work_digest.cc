#include "proto/wire/work_digest.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "common/digest.h"

namespace quantd {

std::string DeterministicBytes(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // Map fields have no order otherwise.
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

std::string WorkDigest(const v1::JobSpec& spec) {
  v1::JobSpec work = spec;
  work.clear_gates();
  work.clear_execution();
  return Sha256Hex(DeterministicBytes(work));
}

}  // namespace quantd
