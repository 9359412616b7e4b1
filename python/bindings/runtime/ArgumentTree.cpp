// SPDX-License-Identifier: Apache-2.0
// Parses argument trees and matches calls against them.
#include "ArgumentTree.h"

#include "TorchTensors.h"
#include "torshjit/Runtime/Program.h"

#include <nanobind/stl/string.h>

#include <cstring>

namespace torsh::python {
namespace {
using runtime::ErrorKind;

std::string reprOf(nb::handle object) { return nb::cast<std::string>(nb::repr(object)); }

bool reject(Mismatch *why, const std::string &path, const std::string &text) {
  if (why)
    *why = {ErrorKind::Program, path + ": " + text};
  return false;
}

bool hasType(PyObject *object, PyTypeObject *type, const std::string &path, Mismatch *why) {
  if (Py_TYPE(object) == type)
    return true;
  if (why)
    reject(why, path,
           std::string("expected a ") + type->tp_name + ", got a " + Py_TYPE(object)->tp_name);
  return false;
}

bool hasSize(Py_ssize_t size, size_t expected, const std::string &path, Mismatch *why) {
  if (static_cast<size_t>(size) == expected)
    return true;
  if (why)
    reject(why, path,
           "expected " + std::to_string(expected) + " entries, got " + std::to_string(size));
  return false;
}
} // namespace

bool isSameValue(PyObject *object, PyObject *expected) {
  if (object == expected)
    return true;
  if (Py_TYPE(object) != Py_TYPE(expected))
    return false;
  if (PyFloat_CheckExact(object)) {
    double a = PyFloat_AS_DOUBLE(object), b = PyFloat_AS_DOUBLE(expected);
    return std::memcmp(&a, &b, sizeof(a)) == 0;
  }
  // Hooks of modules, which are nearly always none: an OrderedDict's comparison is slow.
  if ((PyDict_CheckExact(expected) || PyODict_CheckExact(expected)) && !PyDict_GET_SIZE(expected))
    return !PyDict_GET_SIZE(object);
  int equal = PyObject_RichCompareBool(object, expected, Py_EQ);
  if (equal < 0)
    throw nb::python_error();
  return equal == 1;
}

ArgumentTree::ArgumentTree(nb::handle tree, References &references) {
  auto pair = nb::cast<nb::tuple>(tree);
  if (pair.size() != 2)
    throw nb::value_error("args_tree: expected (positional, keywords)");
  size_t position = 0;
  for (nb::handle node : pair[0])
    positional.push_back(parseNode(node, "argument " + std::to_string(position++), references));
  keywords.kind = Kind::Dict;
  keywords.type = &PyDict_Type;
  keywords.path = "keyword arguments";
  parseDict(pair[1], keywords, references);
}

ArgumentTree::Node ArgumentTree::parseNode(nb::handle handle, std::string path,
                                           References &references) {
  auto node = nb::cast<nb::tuple>(handle);
  if (node.size() < 2)
    throw nb::value_error("args_tree: a node is (kind, ...)");
  auto kind = nb::cast<std::string>(node[0]);
  Node result;
  result.path = std::move(path);
  if (kind == "array") {
    parseTensor(node, result);
  } else if (kind == "value") {
    result.kind = Kind::Value;
    result.value = references.keep(node[1]);
    result.leaf = leafSpecs.size();
    leafSpecs.emplace_back();
  } else if (kind == "tuple" || kind == "list") {
    result.kind = kind == "tuple" ? Kind::Tuple : Kind::List;
    parseChildren(node, result, references);
  } else if (kind == "dict") {
    result.kind = Kind::Dict;
    result.type = &PyDict_Type;
    parseDict(node[1], result, references);
  } else if (kind == "object") {
    parseObject(node, result, references);
  } else {
    throw nb::value_error(("args_tree: unknown kind of node \"" + kind + "\"").c_str());
  }
  return result;
}

void ArgumentTree::parseTensor(const nb::tuple &node, Node &result) {
  if (node.size() != 4)
    throw nb::value_error("args_tree: expected (\"array\", kind, dtype, shape)");
  TensorSpec spec;
  spec.source = parseTensorSource(nb::cast<std::string>(node[1]));
  if (spec.source == TensorSource::Torch)
    requireTorch();
  auto dtype = nb::cast<std::string>(node[2]);
  std::optional<DataType> parsed = runtime::parseDataType(dtype);
  if (!parsed)
    throw nb::value_error(("unknown dtype \"" + dtype + "\"").c_str());
  spec.dtype = *parsed;
  for (nb::handle extent : node[3])
    spec.shape.push_back(extent.is_none() ? -1 : nb::cast<int64_t>(extent));
  if (spec.shape.size() > runtime::kMaxRank)
    throw nb::value_error("args_tree: rank above 64");
  bool isScalar = spec.source == TensorSource::Scalar || spec.source == TensorSource::Number;
  if (isScalar && !spec.shape.empty())
    throw nb::value_error("args_tree: scalars and numbers have shape ()");
  spec.path = result.path;
  spec.shapeOffset = extents;
  extents += spec.shape.size();
  result.kind = Kind::Tensor;
  result.leaf = leafSpecs.size();
  leafSpecs.emplace_back(std::move(spec));
}

void ArgumentTree::parseChildren(const nb::tuple &node, Node &result, References &references) {
  bool isTuple = result.kind == Kind::Tuple;
  result.type = isTuple ? &PyTuple_Type : &PyList_Type;
  if (node.size() > 2) {
    // A named tuple: its own class, which must store its items as a tuple.
    nb::handle type = node[2];
    if (!isTuple || !PyType_Check(type.ptr()) ||
        !PyType_IsSubtype(reinterpret_cast<PyTypeObject *>(type.ptr()), &PyTuple_Type))
      throw nb::value_error("args_tree: expected a subclass of tuple");
    result.type = reinterpret_cast<PyTypeObject *>(references.keep(type));
  }
  size_t position = 0;
  for (nb::handle child : node[1])
    result.children.push_back(
        parseNode(child, result.path + "[" + std::to_string(position++) + "]", references));
}

void ArgumentTree::parseDict(nb::handle entries, Node &result, References &references) {
  for (auto [key, child] : nb::cast<nb::dict>(entries)) {
    result.keys.push_back(references.keep(key));
    result.children.push_back(parseNode(child, result.path + "[" + reprOf(key) + "]", references));
  }
}

void ArgumentTree::parseObject(const nb::tuple &node, Node &result, References &references) {
  if (node.size() != 5 || !PyType_Check(nb::handle(node[2]).ptr()))
    throw nb::value_error("args_tree: expected (\"object\", nodes, class, opener, context)");
  result.kind = Kind::Object;
  result.type = reinterpret_cast<PyTypeObject *>(references.keep(node[2]));
  result.opener = references.keep(node[3]);
  result.value = references.keep(node[4]);
  result.leaf = leafSpecs.size();
  leafSpecs.emplace_back();
  size_t position = 0;
  for (nb::handle child : node[1])
    result.children.push_back(
        parseNode(child, result.path + " part " + std::to_string(position++), references));
}

bool ArgumentTree::match(PyObject *args, PyObject *kwargs, CallFrame &frame, Mismatch *why) const {
  if (static_cast<size_t>(PyTuple_GET_SIZE(args)) != positional.size()) {
    if (why)
      *why = {ErrorKind::Program, "expected " + std::to_string(positional.size()) +
                                      " positional arguments, got " +
                                      std::to_string(PyTuple_GET_SIZE(args))};
    return false;
  }
  for (size_t i = 0; i < positional.size(); ++i)
    if (!matchNode(positional[i], PyTuple_GET_ITEM(args, static_cast<Py_ssize_t>(i)), frame, why))
      return false;
  if (!kwargs)
    return hasSize(0, keywords.keys.size(), "keyword arguments", why);
  return matchDict(keywords, kwargs, frame, why);
}

bool ArgumentTree::matchNode(const Node &node, PyObject *object, CallFrame &frame,
                             Mismatch *why) const {
  switch (node.kind) {
  case Kind::Tensor:
    return matchTensor(*leafSpecs[node.leaf], object, frame.leaves[node.leaf], frame, why);
  case Kind::Value:
    frame.leaves[node.leaf].object = Py_NewRef(object);
    if (isSameValue(object, node.value))
      return true;
    if (why)
      reject(why, node.path, "expected " + reprOf(node.value) + ", got " + reprOf(object));
    return false;
  case Kind::Dict:
    return hasType(object, node.type, node.path, why) && matchDict(node, object, frame, why);
  case Kind::Object:
    return matchObject(node, object, frame, why);
  case Kind::Tuple:
  case Kind::List:
    break;
  }
  if (!hasType(object, node.type, node.path, why))
    return false;
  bool isTuple = node.kind == Kind::Tuple;
  Py_ssize_t size = isTuple ? PyTuple_GET_SIZE(object) : PyList_GET_SIZE(object);
  if (!hasSize(size, node.children.size(), node.path, why))
    return false;
  for (size_t i = 0; i < node.children.size(); ++i) {
    // A comparison may run Python code that shortens the list.
    auto at = static_cast<Py_ssize_t>(i);
    if (!isTuple && at >= PyList_GET_SIZE(object))
      return false;
    nb::object child =
        nb::borrow(isTuple ? PyTuple_GET_ITEM(object, at) : PyList_GET_ITEM(object, at));
    if (!matchNode(node.children[i], child.ptr(), frame, why))
      return false;
  }
  return true;
}

bool ArgumentTree::matchDict(const Node &node, PyObject *dict, CallFrame &frame,
                             Mismatch *why) const {
  if (!hasSize(PyDict_GET_SIZE(dict), node.keys.size(), node.path, why))
    return false;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    PyObject *child = PyDict_GetItemWithError(dict, node.keys[i]);
    if (!child) {
      if (PyErr_Occurred())
        throw nb::python_error();
      return reject(why, node.children[i].path, "missing");
    }
    nb::object held = nb::borrow(child);
    if (!matchNode(node.children[i], child, frame, why))
      return false;
  }
  return true;
}

bool ArgumentTree::matchObject(const Node &node, PyObject *object, CallFrame &frame,
                               Mismatch *why) const {
  frame.leaves[node.leaf].object = Py_NewRef(object);
  if (!hasType(object, node.type, node.path, why))
    return false;
  nb::object opened = nb::steal(PyObject_CallOneArg(node.opener, object));
  if (!opened.is_valid())
    throw nb::python_error();
  if (!PyTuple_CheckExact(opened.ptr()) || PyTuple_GET_SIZE(opened.ptr()) != 2 ||
      !PyTuple_CheckExact(PyTuple_GET_ITEM(opened.ptr(), 0)))
    throw nb::type_error("an opener must return (tuple of parts, context)");
  PyObject *parts = PyTuple_GET_ITEM(opened.ptr(), 0);
  int equal = PyObject_RichCompareBool(PyTuple_GET_ITEM(opened.ptr(), 1), node.value, Py_EQ);
  if (equal < 0)
    throw nb::python_error();
  if (!equal)
    return reject(why, node.path, "another structure of the object");
  if (!hasSize(PyTuple_GET_SIZE(parts), node.children.size(), node.path, why))
    return false;
  for (size_t i = 0; i < node.children.size(); ++i)
    if (!matchNode(node.children[i], PyTuple_GET_ITEM(parts, static_cast<Py_ssize_t>(i)), frame,
                   why))
      return false;
  return true;
}

} // namespace torsh::python
