// SPDX-License-Identifier: Apache-2.0
// The host program: kernel launches, the buffers between them, the arithmetic
// on extents. Parsed from JSON, verified once, immutable afterwards.
#ifndef TORSHJIT_RUNTIME_PROGRAM_H
#define TORSHJIT_RUNTIME_PROGRAM_H

#include "torshjit/Runtime/DataType.h"
#include "torshjit/Runtime/MemoryPlan.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace torsh::runtime {

inline constexpr int64_t kProgramVersion = 1;
/// NumPy allows 64 axes; no array of the front ends has more.
inline constexpr size_t kMaxRank = 64;

/// An extent: itself when >= 0, else the value of dims[-1 - extent].
using ShapeInt = int64_t;
inline size_t dimIndex(ShapeInt extent) { return static_cast<size_t>(-1 - extent); }

struct TensorType {
  DataType dtype = DataType::F32;
  std::vector<ShapeInt> shape;
};

struct InputSpec {
  std::string name;
  TensorType type;
  /// Its contents never change: given once, to Executable::prepare.
  bool isFrozen = false;
};

struct DimExpr {
  enum class Op { Input, Const, Add, Sub, Mul, FloorDiv, CeilDiv, Mod, Min, Max };
  Op op = Op::Const;
  /// Input: the input and its axis. Const: the value in lhs. Otherwise two
  /// earlier dims.
  int64_t lhs = 0;
  int64_t rhs = 0;
};

struct Check {
  enum class Relation { Equal, GreaterEqual };
  Relation relation = Relation::Equal;
  ShapeInt lhs = 0;
  ShapeInt rhs = 0;
  std::string message;
};

struct Buffer {
  enum class Kind { Input, Constant, Output, Temporary, Alias };
  Kind kind = Kind::Temporary;
  /// Input, Constant: the ordinal. Alias: the aliased buffer, an earlier one.
  size_t index = 0;
  TensorType type;
  /// The buffer that owns the bytes: itself, or where the alias chain ends.
  size_t root = 0;
};

struct Step {
  enum class Kind {
    Kernel, ///< launches Program::kernels[index]
    Copy,   ///< operands: source, destination
    Assert, ///< its operand, an i1 of rank 0, must be true
    Call,   ///< calls Program::hostFunctions[index]
  };
  Kind kind = Kind::Kernel;
  size_t index = 0;
  std::vector<size_t> operands;
  /// How many operands, at the end, are written.
  size_t outputs = 1;
  /// Executed by Executable::prepare: what it reads is the same at every call.
  bool isOnce = false;
  /// What a launch is given. Of a call: the extents of all operands, one after another.
  std::vector<ShapeInt> sizes;
  /// The message of an assertion, the callee of a call.
  std::string text;
  /// The user's line, where it is known: the last lines of an error's message.
  std::string place;
  bool isCopy() const { return kind == Kind::Copy; }
};

struct Result {
  size_t buffer = 0;
  /// The kernels write the result's memory themselves. Otherwise (an argument
  /// or a constant returned unchanged, an output returned twice) the bytes are
  /// copied out at the end, so that no two results share memory.
  bool direct = false;
};

struct Program {
  std::string target;
  std::vector<InputSpec> inputs;
  std::vector<DimExpr> dims;
  std::vector<Check> checks;
  std::vector<TensorType> constants;
  std::vector<Buffer> buffers;
  std::vector<std::string> kernels;       ///< distinct names in order of first use
  std::vector<std::string> hostFunctions; ///< likewise
  std::vector<Step> steps;
  std::vector<Result> results;

  /// Found by verification: the temporaries that own memory and the steps
  /// [first, last] during which each one's contents matter.
  std::vector<size_t> temporaries;
  std::vector<Lifetime> lifetimes;
  /// Found by verification: the temporaries that steps executed once leave to calls, and
  /// those that are theirs alone with their lifetimes.
  std::vector<size_t> heldTemporaries;
  std::vector<size_t> onceTemporaries;
  std::vector<Lifetime> onceLifetimes;
  /// Found by verification, by buffer: whether calls, and not only what is executed once,
  /// read the bytes that it owns.
  std::vector<bool> readByCalls;
  /// Found by verification: every axis of an input whose extent the signature
  /// leaves open. A shape plan is a function of just these extents.
  struct InputAxis {
    size_t input;
    size_t axis;
  };
  std::vector<InputAxis> dynamicAxes;

  /// Parses and verifies; throws Error(ErrorKind::Program) naming the field.
  static Program parse(std::string_view json);
  bool isDynamic() const { return !dynamicAxes.empty(); }
  bool hasFrozenInputs() const;
};

/// Checks every index, that alias chains end, that nothing is read before it
/// is written, that only outputs and temporaries are written, and that what is
/// executed once reads nothing of a call; fills in roots, direct results and
/// lifetimes.
void verifyProgram(Program &program);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_PROGRAM_H
