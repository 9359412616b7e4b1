// SPDX-License-Identifier: Apache-2.0
// The structure of a call's arguments that one specialization accepts.
#ifndef TORSHJIT_PYTHON_RUNTIME_ARGUMENTTREE_H
#define TORSHJIT_PYTHON_RUNTIME_ARGUMENTTREE_H

#include "TensorLeaf.h"

#include <nanobind/nanobind.h>

#include <optional>
#include <string>
#include <vector>

namespace torsh::python {

/// Strong references, listed in one place so that the garbage collector can
/// see them; the rest of a specialization borrows from here.
class References {
public:
  PyObject *keep(nb::handle object) {
    objects.push_back(nb::borrow(object));
    return object.ptr();
  }
  int traverse(visitproc visit, void *arg) const {
    for (const nb::object &object : objects)
      Py_VISIT(object.ptr());
    return 0;
  }

private:
  std::vector<nb::object> objects;
};

/// Same type and equal; floats by their bits, so that 0.0 is not -0.0 and NaN
/// is NaN. Throws nb::python_error when the comparison does.
bool isSameValue(PyObject *object, PyObject *expected);

class ArgumentTree {
public:
  /// `tree` is (positional nodes, {keyword: node}). A node is one of
  ///   ("array", "numpy"|"torch"|"dlpack"|"scalar"|"number", dtype, shape)
  ///   ("value", object)
  ///   ("tuple", nodes[, class])   ("list", nodes)   ("dict", {key: node})
  ///   ("object", nodes, class, opener, context): an object that opener(object) takes apart into
  ///     (parts, context); the context is compared by equality
  /// Leaves are numbered depth first, positional ones before keywords; an object has a number too,
  /// before its parts.
  ArgumentTree(nb::handle tree, References &references);

  bool match(PyObject *args, PyObject *kwargs, CallFrame &frame, Mismatch *why) const;

  size_t numLeaves() const { return leafSpecs.size(); }
  /// Space for the extents of its tensors in a CallFrame.
  size_t numExtents() const { return extents; }
  /// Takes tensors in a device's memory too.
  void acceptDevice(std::optional<runtime::TensorDevice> device) {
    for (std::optional<TensorSpec> &spec : leafSpecs)
      if (spec)
        spec->device = device;
  }
  /// The array expected at a leaf; null for values.
  const TensorSpec *tensor(size_t leaf) const {
    return leafSpecs[leaf] ? &*leafSpecs[leaf] : nullptr;
  }

private:
  enum class Kind { Tensor, Value, Tuple, List, Dict, Object };
  struct Node {
    Kind kind = Kind::Value;
    size_t leaf = 0;
    PyObject *value = nullptr;  ///< Value: the object expected. Object: its context
    PyObject *opener = nullptr; ///< Object
    PyTypeObject *type = nullptr;
    std::vector<Node> children;
    std::vector<PyObject *> keys; ///< Dict
    std::string path;
  };

  Node parseNode(nb::handle node, std::string path, References &references);
  void parseTensor(const nb::tuple &node, Node &result);
  void parseChildren(const nb::tuple &node, Node &result, References &references);
  void parseDict(nb::handle entries, Node &result, References &references);
  void parseObject(const nb::tuple &node, Node &result, References &references);
  bool matchNode(const Node &node, PyObject *object, CallFrame &frame, Mismatch *why) const;
  bool matchDict(const Node &node, PyObject *dict, CallFrame &frame, Mismatch *why) const;
  bool matchObject(const Node &node, PyObject *object, CallFrame &frame, Mismatch *why) const;

  std::vector<Node> positional;
  Node keywords;
  std::vector<std::optional<TensorSpec>> leafSpecs;
  size_t extents = 0;
};

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_ARGUMENTTREE_H
