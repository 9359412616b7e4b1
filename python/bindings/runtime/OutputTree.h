// SPDX-License-Identifier: Apache-2.0
// The structure that a specialization returns its results in.
#ifndef TORSHJIT_PYTHON_RUNTIME_OUTPUTTREE_H
#define TORSHJIT_PYTHON_RUNTIME_OUTPUTTREE_H

#include "ArgumentTree.h"
#include "Execution.h"

#include <nanobind/nanobind.h>

#include <vector>

namespace torsh::python {

class OutputTree {
public:
  /// A node is one of
  ///   ("leaf", result, "numpy"|"torch"|"dlpack"|"scalar")   ("argument", leaf)
  ///   ("value", object)   ("none",)
  ///   ("tuple", nodes[, class])   ("list", nodes)   ("dict", {key: node})
  ///   ("made", nodes, maker): what maker(list of the nodes' objects) returns
  ///   ("written", node, [(target, result)]): the node's object, after tensors of the caller have
  ///     got new elements: a target is ("argument", leaf) or ("value", tensor), a result ("leaf",
  ///     result, "torch")
  /// "argument" returns the argument object itself.
  OutputTree(nb::handle tree, const runtime::Program &program, size_t numLeaves,
             References &references);

  /// What each result of the program is to become.
  const std::vector<ResultKind> &kinds() const { return resultKinds; }

  /// Leaves of the arguments, and other objects, that are written.
  const std::vector<size_t> &writtenLeaves() const { return leavesWritten; }
  const std::vector<PyObject *> &writtenObjects() const { return objectsWritten; }

  nb::object build(const std::vector<nb::object> &results, CallFrame &frame) const {
    return buildNode(root, results, frame);
  }

private:
  enum class Kind { Result, Argument, Value, Tuple, List, Dict, Made, Written };
  struct Node {
    Kind kind = Kind::Value;
    size_t index = 0;           ///< of the result or the argument leaf
    PyObject *object = nullptr; ///< Value: itself. Tuple, Made: its constructor
    std::vector<Node> children; ///< Written: the result, then each target and its elements
    std::vector<PyObject *> keys;
  };

  Node parseNode(nb::handle handle, References &references);
  void parseResult(const nb::tuple &node, Node &result);
  void parseWritten(const nb::tuple &node, Node &result, References &references);
  void parseTuple(const nb::tuple &node, Node &result, References &references);
  nb::object buildNode(const Node &node, const std::vector<nb::object> &results,
                       CallFrame &frame) const;
  nb::object buildList(const Node &node, const std::vector<nb::object> &results,
                       CallFrame &frame) const;
  nb::object buildTuple(const Node &node, const std::vector<nb::object> &results,
                        CallFrame &frame) const;

  const runtime::Program &program;
  size_t numLeaves;
  std::vector<bool> kindKnown;
  std::vector<ResultKind> resultKinds;
  std::vector<size_t> leavesWritten;
  std::vector<PyObject *> objectsWritten;
  Node root;
};

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_OUTPUTTREE_H
