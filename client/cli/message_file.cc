#include "client/cli/message_file.h"

#include <yaml-cpp/yaml.h>

#include <cmath>
#include <exception>
#include <limits>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/flags.h"
#include "client/cli/values.h"
#include "common/config/yaml_document.h"
#include "common/error.h"
#include "common/file.h"
#include "common/git_lfs.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "common/words.h"
#include "google/protobuf/duration.pb.h"
#include "quantd/v1/spec.pb.h"

namespace quantd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int64_t kFileBytesMax = 4 << 20;
constexpr int kDepthMax = 32;
// Aliases repeat a value at the price of three bytes; a file that is only written out holds no more
// than this many.
constexpr int kValuesMax = 200'000;
// Keys and values are quoted in messages up to here.
constexpr size_t kShownBytesMax = 120;

// A file's words, as a terminal may get them.
std::string Shown(absl::string_view text) { return ToPlainText(text, kShownBytesMax); }

// `place` is "", or ":line:column".
absl::Status InvalidFile(absl::string_view source, absl::string_view place, absl::string_view path,
                         absl::string_view problem) {
  const std::string field = path.empty() ? "document" : std::string(path);
  const std::string shown = ToPlainText(problem, 4 * kShownBytesMax);
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat(source, place, ": ", path, path.empty() ? "" : ": ", shown),
                   ErrorDetails{.reason = "INVALID_FILE", .violations = {{field, shown}}});
}

// Walks a YAML tree beside the message's description.
class Reader {
 public:
  explicit Reader(std::string source) : source_(std::move(source)) {}

  absl::Status ReadMessage(const YAML::Node& node, const std::string& path, int depth,
                           Message* message);

 private:
  absl::Status ReadField(const YAML::Node& node, const std::string& path, int depth,
                         const FieldDescriptor* field, Message* message);
  absl::Status ReadMap(const YAML::Node& node, const std::string& path, int depth,
                       const FieldDescriptor* field, Message* message);
  absl::Status ReadValue(const YAML::Node& node, const std::string& path, int depth,
                         const FieldDescriptor* field, Message* message);
  absl::Status ReadNumber(const YAML::Node& node, const std::string& path,
                          const FieldDescriptor* field, Message* message);
  // Whether the scalar was a short form of the message; an error when it is a wrong one.
  absl::StatusOr<bool> ReadShortForm(const YAML::Node& node, const std::string& path,
                                     Message* message);
  absl::Status Error(const YAML::Node& node, const std::string& path,
                     absl::string_view problem) const;

  const std::string source_;
  int values_ = 0;  // Read so far.
};

bool Quoted(const YAML::Node& node) { return node.Tag() == "!"; }

void SetParameterValue(const YAML::Node& node, v1::ParameterValue* value) {
  const std::string& text = node.Scalar();
  int64_t integer = 0;
  double number = 0;
  if (Quoted(node)) {
    value->set_text(text);
  } else if (text == "true" || text == "false") {
    value->set_flag(text == "true");
  } else if (absl::SimpleAtoi(text, &integer)) {
    value->set_integer(integer);
  } else if (absl::SimpleAtod(text, &number)) {
    value->set_number(number);
  } else {
    value->set_text(text);
  }
}

absl::Status Reader::Error(const YAML::Node& node, const std::string& path,
                           absl::string_view problem) const {
  const YAML::Mark mark = node.Mark();
  return InvalidFile(source_, absl::StrCat(":", mark.line + 1, ":", mark.column + 1),
                     path.empty() ? "document" : path, problem);
}

absl::StatusOr<bool> Reader::ReadShortForm(const YAML::Node& node, const std::string& path,
                                           Message* message) {
  const std::string& text = node.Scalar();
  if (auto* component = dynamic_cast<v1::Component*>(message)) {
    component->set_id(text);
  } else if (auto* value = dynamic_cast<v1::ParameterValue*>(message)) {
    SetParameterValue(node, value);
  } else if (auto* fraction = dynamic_cast<v1::Fraction*>(message)) {
    const auto parsed = ParseFraction(text);
    if (!parsed.ok()) return Error(node, path, parsed.status().message());
    *fraction = *parsed;
  } else if (auto* gate = dynamic_cast<v1::Gate*>(message)) {
    const auto parsed = ParseGateMessage(text);
    if (!parsed.ok()) return Error(node, path, parsed.status().message());
    *gate = *parsed;
  } else if (auto* duration = dynamic_cast<google::protobuf::Duration*>(message)) {
    absl::Duration parsed;
    if (!absl::ParseDuration(text, &parsed)) {
      return Error(node, path, absl::StrCat("'", text, "' is no duration; write 90s, 5m or 1h30m"));
    }
    const absl::Duration whole = absl::Trunc(parsed, absl::Seconds(1));
    duration->set_seconds(absl::ToInt64Seconds(whole));
    duration->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(parsed - whole)));
  } else {
    return false;
  }
  return true;
}

absl::Status Reader::ReadMessage(const YAML::Node& node, const std::string& path, int depth,
                                 Message* message) {
  if (depth > kDepthMax) return Error(node, path, "is nested too deeply");
  if (++values_ > kValuesMax) {
    return Error(
        node, path,
        absl::StrCat("the file holds more than ", kValuesMax, " values; mind its aliases"));
  }
  if (node.IsScalar()) {
    ASSIGN_OR_RETURN(const bool read, ReadShortForm(node, path, message));
    if (read) return absl::OkStatus();
  }
  if (!node.IsMap()) {
    return Error(node, path, "fields are expected here, as in 'name: value'");
  }
  const Descriptor* type = message->GetDescriptor();
  std::set<const FieldDescriptor*> seen;  // A field may be spelled in two ways.
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return Error(entry.first, path, "a field name is expected here");
    const std::string key = Shown(entry.first.Scalar());
    const FieldDescriptor* field = type->FindFieldByName(key);
    if (field == nullptr) field = type->FindFieldByCamelcaseName(key);
    const std::string field_path = path.empty() ? key : absl::StrCat(path, ".", key);
    if (field == nullptr) {
      std::vector<std::string> names;
      for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
      const std::string near = DidYouMean(key, names);
      return Error(entry.first, field_path,
                   absl::StrCat("no such field",
                                near.empty() ? "" : absl::StrCat("; did you mean '", near, "'?")));
    }
    if (!seen.insert(field).second) return Error(entry.first, field_path, "stands twice");
    if (entry.second.IsNull()) continue;
    const auto* oneof = field->real_containing_oneof();
    if (oneof != nullptr && message->GetReflection()->HasOneof(*message, oneof)) {
      return Error(entry.first, field_path,
                   absl::StrCat("only one field of '", oneof->name(), "' may be set"));
    }
    RETURN_IF_ERROR(ReadField(entry.second, field_path, depth, field, message));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadField(const YAML::Node& node, const std::string& path, int depth,
                               const FieldDescriptor* field, Message* message) {
  if (field->is_map()) return ReadMap(node, path, depth, field, message);
  if (!field->is_repeated()) return ReadValue(node, path, depth, field, message);
  // One value where a list is expected is a list of one.
  if (!node.IsSequence()) return ReadValue(node, path, depth, field, message);
  int index = 0;
  for (const YAML::Node& element : node) {
    RETURN_IF_ERROR(
        ReadValue(element, absl::StrCat(path, "[", index++, "]"), depth, field, message));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadMap(const YAML::Node& node, const std::string& path, int depth,
                             const FieldDescriptor* field, Message* message) {
  if (!node.IsMap()) return Error(node, path, "pairs are expected here, as in 'key: value'");
  const FieldDescriptor* key_field = field->message_type()->map_key();
  const FieldDescriptor* value_field = field->message_type()->map_value();
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string entry_path =
        absl::StrCat(path, ".", entry.first.IsScalar() ? Shown(entry.first.Scalar()) : "?");
    if (entry.first.IsScalar() && !seen.insert(entry.first.Scalar()).second) {
      return Error(entry.first, entry_path, "stands twice");
    }
    Message* pair = message->GetReflection()->AddMessage(message, field);
    RETURN_IF_ERROR(ReadValue(entry.first, entry_path, depth + 1, key_field, pair));
    RETURN_IF_ERROR(ReadValue(entry.second, entry_path, depth + 1, value_field, pair));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadValue(const YAML::Node& node, const std::string& path, int depth,
                               const FieldDescriptor* field, Message* message) {
  const Reflection* reflection = message->GetReflection();
  const bool repeated = field->is_repeated();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    Message* child = repeated ? reflection->AddMessage(message, field)
                              : reflection->MutableMessage(message, field);
    return ReadMessage(node, path, depth + 1, child);
  }
  if (!node.IsScalar()) return Error(node, path, "a single value is expected here");
  if (++values_ > kValuesMax) {
    return Error(node, path, absl::StrCat("the file holds more than ", kValuesMax, " values"));
  }
  const std::string& text = node.Scalar();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      repeated ? reflection->AddString(message, field, text)
               : reflection->SetString(message, field, text);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") {
        return Error(node, path, absl::StrCat("'", text, "' is neither true nor false"));
      }
      reflection->SetBool(message, field, text == "true");
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM: {
      const EnumValueDescriptor* value =
          field->enum_type()->FindValueByName(absl::AsciiStrToUpper(text));
      if (value == nullptr) {
        std::string known;
        for (int i = 1; i < field->enum_type()->value_count(); ++i) {
          absl::StrAppend(&known, known.empty() ? "" : ", ", field->enum_type()->value(i)->name());
        }
        return Error(node, path, absl::StrCat("'", text, "' is not one of ", known));
      }
      reflection->SetEnum(message, field, value);
      return absl::OkStatus();
    }
    default:
      return ReadNumber(node, path, field, message);
  }
}

absl::Status Reader::ReadNumber(const YAML::Node& node, const std::string& path,
                                const FieldDescriptor* field, Message* message) {
  const Reflection* reflection = message->GetReflection();
  const std::string& text = node.Scalar();
  int64_t integer = 0;
  int32_t small = 0;
  uint64_t natural = 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      const auto number = ParseRatio(text);
      if (!number.ok()) return Error(node, path, number.status().message());
      field->is_repeated() ? reflection->AddDouble(message, field, *number)
                           : reflection->SetDouble(message, field, *number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT32:
      if (!absl::SimpleAtoi(text, &small)) break;
      reflection->SetInt32(message, field, small);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_INT64:
      if (!absl::SimpleAtoi(text, &integer)) break;
      reflection->SetInt64(message, field, integer);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_UINT64:
      if (!absl::SimpleAtoi(text, &natural)) break;
      reflection->SetUInt64(message, field, natural);
      return absl::OkStatus();
    default:
      return Error(
          node, path,
          absl::StrCat("values of type ", field->type_name(), " cannot be given in a file"));
  }
  return Error(node, path,
               absl::StrCat("'", text, "' is not a whole number that fits ", field->type_name()));
}

}  // namespace

absl::Status ParseMessage(absl::string_view text, const std::string& source, Message* message) {
  if (IsGitLfsPointer(text)) return InvalidFile(source, "", "", kIsGitLfsPointer);
  try {
    const std::string owned(text);
    if (CountYamlDocuments(owned) == YamlCount::kSeveral) {
      return InvalidFile(source, "", "", "one document is expected, not several");
    }
    const YAML::Node document = YAML::Load(owned);
    if (document.IsNull()) return InvalidFile(source, "", "", "the file is empty");
    return Reader(source).ReadMessage(document, "", 0, message);
  } catch (const YAML::Exception& error) {
    const std::string place = absl::StrCat(":", error.mark.line + 1, ":", error.mark.column + 1);
    return InvalidFile(source, place, "", error.msg);
  } catch (const std::exception& error) {
    // yaml-cpp lets those of the standard library through.
    return InvalidFile(source, "", "", absl::StrCat("cannot be read as YAML: ", error.what()));
  }
}

absl::Status ReadMessageFile(const std::string& path, Message* message) {
  const absl::StatusOr<std::string> text = ReadFile(path, kFileBytesMax);
  if (absl::IsInvalidArgument(text.status()) || absl::IsResourceExhausted(text.status())) {
    return InvalidFile(path, "", "", text.status().message());
  }
  if (!text.ok()) return text.status();
  return ParseMessage(*text, path, message);
}

}  // namespace quantd
