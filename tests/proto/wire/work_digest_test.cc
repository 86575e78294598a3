#include "proto/wire/work_digest.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

namespace quantd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Sets a field that is no message to a value other than its default.
void SetScalar(Message& message, const FieldDescriptor* field) {
  const Reflection& r = *message.GetReflection();
  const bool many = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return many ? r.AddInt32(&message, field, 7) : r.SetInt32(&message, field, 7);
    case FieldDescriptor::CPPTYPE_INT64:
      return many ? r.AddInt64(&message, field, 7) : r.SetInt64(&message, field, 7);
    case FieldDescriptor::CPPTYPE_UINT32:
      return many ? r.AddUInt32(&message, field, 7) : r.SetUInt32(&message, field, 7);
    case FieldDescriptor::CPPTYPE_UINT64:
      return many ? r.AddUInt64(&message, field, 7) : r.SetUInt64(&message, field, 7);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return many ? r.AddDouble(&message, field, 7) : r.SetDouble(&message, field, 7);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return many ? r.AddFloat(&message, field, 7) : r.SetFloat(&message, field, 7);
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? r.AddBool(&message, field, true) : r.SetBool(&message, field, true);
    case FieldDescriptor::CPPTYPE_ENUM:
      return many ? r.AddEnumValue(&message, field, 1) : r.SetEnumValue(&message, field, 1);
    case FieldDescriptor::CPPTYPE_STRING:
      return many ? r.AddString(&message, field, "x") : r.SetString(&message, field, "x");
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  FAIL() << field->full_name() << " is a message";
}

// One entry of a map for each field of its value. Changing an entry that the map has seen already
// would not reach the map, so each entry is made anew.
void ForEachEntry(Message& message, const FieldDescriptor* field, const std::string& at,
                  const std::function<void(const std::string&)>& found) {
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor* value = field->message_type()->map_value();
  const bool plain = value->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
  const int fields = plain ? 1 : value->message_type()->field_count();
  for (int i = 0; i < fields; ++i) {
    Message* entry = reflection.AddMessage(&message, field);
    SetScalar(*entry, field->message_type()->map_key());
    if (plain) {
      SetScalar(*entry, value);
    } else {
      SetScalar(*entry->GetReflection()->MutableMessage(entry, value),
                value->message_type()->field(i));
    }
    found(at + "." + std::to_string(i));
    reflection.ClearField(&message, field);
  }
}

// Calls `found` once for every way to change one field of `message` or of the messages inside it,
// with the field changed, and changes it back. Every field is reached, also one that is new.
void ForEachChange(Message& message, const std::string& path,
                   const std::function<void(const std::string&)>& found) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const Reflection& reflection = *message.GetReflection();
    const std::string at = path + "." + field->name();
    if (field->is_map()) {
      ForEachEntry(message, field, at, found);
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      SetScalar(message, field);
      found(at);
    } else {
      Message* child = field->is_repeated() ? reflection.AddMessage(&message, field)
                                            : reflection.MutableMessage(&message, field);
      found(at);
      ForEachChange(*child, at, found);
    }
    reflection.ClearField(&message, field);
  }
}

bool ChangesNoResult(const std::string& path) {
  return path.starts_with("spec.gates") || path.starts_with("spec.execution");
}

TEST(WorkDigest, GatesAndExecutionChangeNothingAndEveryOtherFieldDoes) {
  v1::JobSpec spec;
  const std::string plain = WorkDigest(spec);
  std::set<std::string> digests = {plain};
  int others = 0;
  ForEachChange(spec, "spec", [&](const std::string& path) {
    const std::string digest = WorkDigest(spec);
    if (ChangesNoResult(path)) {
      EXPECT_EQ(digest, plain) << path;
    } else {
      ++others;
      EXPECT_TRUE(digests.insert(digest).second) << path << " is as good as another change";
    }
  });
  EXPECT_GT(others, 100);
  EXPECT_EQ(WorkDigest(spec), plain);
}

TEST(WorkDigest, IsASha256) {
  EXPECT_EQ(WorkDigest({}).size(), 64u);
  // SHA-256 of nothing at all: an empty spec has no bytes.
  EXPECT_EQ(WorkDigest({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(WorkDigest, TheOrderInWhichMapEntriesWereMadeDoesNotMatter) {
  v1::JobSpec one, other;
  const auto bind = [](v1::JobSpec& spec, int i) {
    (*spec.mutable_data()->mutable_bindings())[std::to_string(i)] = "file";
  };
  for (int i = 0; i < 100; ++i) bind(one, i);
  for (int i = 99; i >= 0; --i) bind(other, i);
  EXPECT_EQ(WorkDigest(one), WorkDigest(other));
}

TEST(WorkDigest, TheOrderOfListsMatters) {
  v1::JobSpec one, other;
  one.mutable_recipe()->add_transforms()->set_id("a");
  one.mutable_recipe()->add_transforms()->set_id("b");
  other.mutable_recipe()->add_transforms()->set_id("b");
  other.mutable_recipe()->add_transforms()->set_id("a");
  EXPECT_NE(WorkDigest(one), WorkDigest(other));
}

TEST(DeterministicBytes, AreReadBackAsTheMessage) {
  v1::JobSpec spec;
  spec.mutable_recipe()->set_preset("w8a8-mse");
  spec.add_gates()->set_metric("kl");
  v1::JobSpec read;
  ASSERT_TRUE(read.ParseFromString(DeterministicBytes(spec)));
  EXPECT_EQ(DeterministicBytes(read), DeterministicBytes(spec));
  EXPECT_EQ(read.gates(0).metric(), "kl");
}

}  // namespace
}  // namespace quantd
