#include "common/config/yaml_document.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

namespace quantd {
namespace {

// Takes the parser through a document, and keeps nothing of it.
class Ignore final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

}  // namespace

YamlCount CountYamlDocuments(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Ignore ignore;
  if (!parser.HandleNextDocument(ignore)) return YamlCount::kNone;
  return parser.HandleNextDocument(ignore) ? YamlCount::kSeveral : YamlCount::kOne;
}

}  // namespace quantd
