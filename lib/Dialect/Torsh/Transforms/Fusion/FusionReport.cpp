// SPDX-License-Identifier: Apache-2.0
// The fusion report as JSON.

#include "torshjit/Dialect/Torsh/Transforms/Fusion/FusionReport.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::torsh;

std::string mlir::torsh::describeLocation(Location loc) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto position = loc->findInstanceOf<FileLineColLoc>();
  if (position)
    stream << position.getFilename().getValue() << ":" << position.getLine() << ":"
           << position.getColumn();
  else if (auto name = loc->findInstanceOf<NameLoc>())
    stream << name.getName().getValue();
  else
    stream << "unknown";
  return text;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

llvm::json::Value FusionReport::toJSON() const {
  llvm::json::Array groupArray, edgeArray, siblingArray;
  for (const ReportedGroup &group : groups) {
    llvm::json::Array ops;
    for (const ReportedOp &op : group.ops)
      ops.push_back(llvm::json::Object{{"op", op.op}, {"location", op.location}});
    groupArray.push_back(llvm::json::Object{{"kernel", group.kernel},
                                            {"kind", group.kind},
                                            {"ops", std::move(ops)},
                                            {"bytes_before", group.bytesBefore},
                                            {"bytes_after", group.bytesAfter},
                                            {"dynamic", group.isDynamic}});
  }
  for (const ReportedEdge &edge : unfused)
    edgeArray.push_back(llvm::json::Object{{"producer", edge.producer.op},
                                           {"producer_location", edge.producer.location},
                                           {"consumer", edge.consumer.op},
                                           {"consumer_location", edge.consumer.location},
                                           {"reason", edge.reason}});
  for (const ReportedSibling &sibling : siblings)
    siblingArray.push_back(llvm::json::Object{{"op", sibling.product.op},
                                              {"location", sibling.product.location},
                                              {"merged", sibling.numMerged},
                                              {"reason", sibling.reason}});
  return llvm::json::Object{{"groups", std::move(groupArray)},
                            {"unfused", std::move(edgeArray)},
                            {"siblings", std::move(siblingArray)}};
}

void FusionReport::store(ModuleOp module) const {
  std::string text;
  llvm::raw_string_ostream(text) << toJSON();
  module->setAttr(kAttributeName, StringAttr::get(module.getContext(), text));
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static std::string getText(const llvm::json::Object &object, StringRef key) {
  return object.getString(key).value_or("").str();
}

static FailureOr<ReportedGroup> readGroup(const llvm::json::Value &value) {
  const llvm::json::Object *object = value.getAsObject();
  const llvm::json::Array *ops = object ? object->getArray("ops") : nullptr;
  if (!ops)
    return failure();
  ReportedGroup group;
  group.kernel = getText(*object, "kernel");
  group.kind = getText(*object, "kind");
  group.bytesBefore = object->getInteger("bytes_before").value_or(0);
  group.bytesAfter = object->getInteger("bytes_after").value_or(0);
  group.isDynamic = object->getBoolean("dynamic").value_or(false);
  for (const llvm::json::Value &op : *ops) {
    const llvm::json::Object *opObject = op.getAsObject();
    if (!opObject)
      return failure();
    group.ops.push_back({getText(*opObject, "op"), getText(*opObject, "location")});
  }
  return group;
}

FailureOr<FusionReport> FusionReport::fromJSON(const llvm::json::Value &value) {
  const llvm::json::Object *object = value.getAsObject();
  const llvm::json::Array *groupArray = object ? object->getArray("groups") : nullptr;
  const llvm::json::Array *edgeArray = object ? object->getArray("unfused") : nullptr;
  if (!groupArray || !edgeArray)
    return failure();
  FusionReport report;
  for (const llvm::json::Value &item : *groupArray) {
    FailureOr<ReportedGroup> group = readGroup(item);
    if (failed(group))
      return failure();
    report.groups.push_back(std::move(*group));
  }
  for (const llvm::json::Value &item : *edgeArray) {
    const llvm::json::Object *edge = item.getAsObject();
    if (!edge)
      return failure();
    report.unfused.push_back({{getText(*edge, "producer"), getText(*edge, "producer_location")},
                              {getText(*edge, "consumer"), getText(*edge, "consumer_location")},
                              getText(*edge, "reason")});
  }
  if (const llvm::json::Array *siblings = object->getArray("siblings"))
    for (const llvm::json::Value &item : *siblings) {
      const llvm::json::Object *sibling = item.getAsObject();
      if (!sibling)
        return failure();
      report.siblings.push_back({{getText(*sibling, "op"), getText(*sibling, "location")},
                                 sibling->getInteger("merged").value_or(0),
                                 getText(*sibling, "reason")});
    }
  return report;
}

FailureOr<FusionReport> FusionReport::load(ModuleOp module) {
  auto attribute = module->getAttrOfType<StringAttr>(kAttributeName);
  if (!attribute)
    return FusionReport();
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(attribute.getValue());
  if (!value) {
    llvm::consumeError(value.takeError());
    return module.emitError("attribute '") << kAttributeName << "' is not JSON";
  }
  FailureOr<FusionReport> report = fromJSON(*value);
  if (failed(report))
    return module.emitError("attribute '") << kAttributeName << "' is not a fusion report";
  return report;
}
