// SPDX-License-Identifier: Apache-2.0
// What the fusion decided and why, for explain().

#ifndef TORSHJIT_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONREPORT_H
#define TORSHJIT_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <vector>

namespace mlir::torsh {

/// An operation as the report names it.
struct ReportedOp {
  std::string op;
  std::string location;
};

/// A fusion group. A `?` extent counts as 1 in the bytes, and sets `isDynamic`.
struct ReportedGroup {
  std::string kernel;
  std::string kind;
  std::vector<ReportedOp> ops;
  /// What the operations would read and write if each were its own kernel.
  int64_t bytesBefore = 0;
  /// What the kernel reads and writes.
  int64_t bytesAfter = 0;
  bool isDynamic = false;
};

/// A value that goes through memory, and the reason.
struct ReportedEdge {
  ReportedOp producer, consumer;
  std::string reason;
};

/// A product that shares its first operand with others: what became of it.
struct ReportedSibling {
  ReportedOp product;
  /// How many products are one with it, itself counted; 0 where it stays apart.
  int64_t numMerged = 0;
  /// Why it stays apart.
  std::string reason;
};

/// The decisions of the fusion. Kept as JSON text in a discardable attribute of
/// the module, so that it survives between passes; `groups[i]` is the group
/// with `torsh.group = i`.
struct FusionReport {
  std::vector<ReportedGroup> groups;
  std::vector<ReportedEdge> unfused;
  std::vector<ReportedSibling> siblings;

  static constexpr llvm::StringLiteral kAttributeName = "torsh.fusion_report";

  /// {"groups": [{"kernel", "kind", "ops": [{"op", "location"}],
  /// "bytes_before", "bytes_after", "dynamic"}], "unfused": [{"producer",
  /// "producer_location", "consumer", "consumer_location", "reason"}],
  /// "siblings": [{"op", "location", "merged", "reason"}]}
  llvm::json::Value toJSON() const;

  /// Reads what toJSON wrote; failure if it is not of that form.
  static FailureOr<FusionReport> fromJSON(const llvm::json::Value &value);

  /// The report of a module; empty if it has none, failure if it is malformed.
  static FailureOr<FusionReport> load(ModuleOp module);
  void store(ModuleOp module) const;
};

/// A location for people: `file.py:12:3`, the innermost file position of `loc`.
std::string describeLocation(Location loc);

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONREPORT_H
