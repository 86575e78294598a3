#include "common/without_exceptions.h"

#include <exception>
#include <new>

#include "common/error.h"

namespace quantd {

absl::Status WithoutExceptions(const std::function<absl::Status()>& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return MakeError(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                     "more memory is needed than this process may use");
  } catch (const std::exception& error) {
    return MakeError(absl::StatusCode::kInternal, "UNEXPECTED_EXCEPTION", error.what());
  }
}

}  // namespace quantd
