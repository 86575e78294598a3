// One YAML document from text that anybody may have written.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

namespace quantd {

enum class YamlCount { kNone, kOne, kSeveral };

// How many documents the text holds. Looks at no more than two: yaml-cpp 0.7 finds empty documents
// without end in a lone ',' and YAML::LoadAll keeps all of them. Throws what yaml-cpp throws.
YamlCount CountYamlDocuments(const std::string& text);

}  // namespace quantd
