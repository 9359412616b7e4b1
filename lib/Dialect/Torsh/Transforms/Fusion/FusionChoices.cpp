// SPDX-License-Identifier: Apache-2.0
// What the author of a program decided of its fusion.

#include "FusionRules.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;
using namespace mlir::torsh;

std::optional<FusionChoice> mlir::torsh::parseFusionChoice(StringRef text, MLIRContext *context,
                                                           std::string &error) {
  auto [edge, decision] = text.split('=');
  auto [producer, consumer] = edge.split("->");
  if (decision != "never" && decision != "always") {
    error = ("a fusion rule is producer->consumer=never or =always, got '" + text + "'").str();
    return std::nullopt;
  }
  for (StringRef name : {producer, consumer})
    if (name != "*" && !RegisteredOperationName::lookup(("torsh." + name).str(), context)) {
      error = ("a fusion rule names '" + name + "', and there is no operation torsh." + name).str();
      return std::nullopt;
    }
  return FusionChoice{producer.str(), consumer.str(), decision == "always"};
}

static bool isMeant(StringRef pattern, Operation *op) {
  return pattern == "*" || pattern == shortName(op);
}

std::optional<bool> mlir::torsh::findChoice(const FusionRules &rules, Operation *producer,
                                            Operation *consumer) {
  std::optional<bool> found;
  for (const FusionChoice &choice : rules.choices)
    if (isMeant(choice.producer, producer) && isMeant(choice.consumer, consumer))
      found = choice.fuses;
  return found;
}

std::optional<bool> mlir::torsh::findChoice(const FusionGraph &graph, unsigned first,
                                            unsigned second, const FusionRules &rules) {
  std::optional<bool> found;
  if (rules.choices.empty())
    return found;
  for (auto [source, reader] : graph.getEdges(first, second))
    if (std::optional<bool> choice =
            findChoice(rules, graph.getNode(source).op, graph.getNode(reader).op))
      found = found.value_or(true) && *choice;
  return found;
}
