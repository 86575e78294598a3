#include "server/store/sqlite/statement.h"

#include <utility>

#include "common/check.h"
#include "common/status_macros.h"
#include "server/store/sqlite/connection.h"

namespace quantd::sqlite {

Statement::Statement(Connection* connection, CachedStatement* cached)
    : connection_(connection), cached_(cached) {
  QUANTD_CHECK(!cached_->in_use);
  cached_->in_use = true;
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      cached_(std::exchange(other.cached_, nullptr)),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
  if (cached_ == nullptr) return;
  sqlite3_reset(cached_->handle);  // Repeats the error of the last step, which has been reported.
  sqlite3_clear_bindings(cached_->handle);
  cached_->in_use = false;
}

int Statement::IndexOf(const char* parameter) const {
  const int index = sqlite3_bind_parameter_index(cached_->handle, parameter);
  QUANTD_CHECK(index > 0);
  return index;
}

void Statement::BindInt(const char* parameter, int64_t value) {
  const int code = sqlite3_bind_int64(cached_->handle, IndexOf(parameter), value);
  if (code != SQLITE_OK) bind_error_ = code;
}

void Statement::BindText(const char* parameter, absl::string_view value) {
  // A view without storage would bind NULL.
  const char* data = value.data() == nullptr ? "" : value.data();
  const int code = sqlite3_bind_text64(cached_->handle, IndexOf(parameter), data, value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
}

void Statement::BindBlob(const char* parameter, absl::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  const int code = sqlite3_bind_blob64(cached_->handle, IndexOf(parameter), data, value.size(),
                                       SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
}

absl::StatusOr<bool> Statement::Step() {
  RETURN_IF_ERROR(connection_->failure());
  if (bind_error_ != SQLITE_OK) return connection_->Fail("bind a value for");
  switch (sqlite3_step(cached_->handle)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return connection_->Fail(sqlite3_stmt_readonly(cached_->handle) ? "read" : "write");
  }
}

absl::Status Statement::Run() {
  ASSIGN_OR_RETURN(bool row, Step());
  while (row) {
    ASSIGN_OR_RETURN(row, Step());
  }
  return absl::OkStatus();
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(cached_->handle, column); }

std::string Statement::Text(int column) const {
  // The value first: it may convert, and the length is that of the converted value.
  const void* data = sqlite3_column_blob(cached_->handle, column);
  const int bytes = sqlite3_column_bytes(cached_->handle, column);
  if (data == nullptr || bytes == 0) return std::string();
  return std::string(static_cast<const char*>(data), static_cast<size_t>(bytes));
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(cached_->handle, column) == SQLITE_NULL;
}

}  // namespace quantd::sqlite
