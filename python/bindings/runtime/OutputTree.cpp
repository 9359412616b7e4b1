// SPDX-License-Identifier: Apache-2.0
// Parses output trees and builds returned objects.
#include "OutputTree.h"

#include "MemoryAssumptions.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

namespace torsh::python {
namespace {
[[noreturn]] void fail(const std::string &text) {
  throw nb::value_error(("output_tree: " + text).c_str());
}

size_t parseIndex(nb::handle handle, size_t limit, const char *what) {
  auto index = nb::cast<int64_t>(handle);
  if (index < 0 || static_cast<size_t>(index) >= limit)
    fail(std::string("no ") + what + " " + std::to_string(index));
  return static_cast<size_t>(index);
}

nb::object checked(PyObject *object) {
  if (!object)
    throw nb::python_error();
  return nb::steal(object);
}
} // namespace

OutputTree::OutputTree(nb::handle tree, const runtime::Program &program, size_t numLeaves,
                       References &references)
    : program(program), numLeaves(numLeaves), kindKnown(program.results.size()),
      resultKinds(program.results.size(), ResultKind::NumPy), root(parseNode(tree, references)) {}

OutputTree::Node OutputTree::parseNode(nb::handle handle, References &references) {
  auto node = nb::cast<nb::tuple>(handle);
  if (node.size() == 0)
    fail("a node is (kind, ...)");
  auto kind = nb::cast<std::string>(node[0]);
  Node result;
  if (kind == "none") {
    result.object = references.keep(nb::none());
    return result;
  }
  if (node.size() < 2)
    fail("a \"" + kind + "\" node needs an operand");
  if (kind == "leaf") {
    parseResult(node, result);
  } else if (kind == "argument") {
    result.kind = Kind::Argument;
    result.index = parseIndex(node[1], numLeaves, "argument leaf");
  } else if (kind == "value") {
    result.object = references.keep(node[1]);
  } else if (kind == "tuple" || kind == "list") {
    result.kind = kind == "tuple" ? Kind::Tuple : Kind::List;
    for (nb::handle child : node[1])
      result.children.push_back(parseNode(child, references));
    if (result.kind == Kind::Tuple)
      parseTuple(node, result, references);
  } else if (kind == "made") {
    if (node.size() != 3)
      fail("expected (\"made\", nodes, maker)");
    result.kind = Kind::Made;
    result.object = references.keep(node[2]);
    for (nb::handle child : node[1])
      result.children.push_back(parseNode(child, references));
  } else if (kind == "written") {
    parseWritten(node, result, references);
  } else if (kind == "dict") {
    result.kind = Kind::Dict;
    for (auto [key, child] : nb::cast<nb::dict>(node[1])) {
      result.keys.push_back(references.keep(key));
      result.children.push_back(parseNode(child, references));
    }
  } else {
    fail("unknown kind of node \"" + kind + "\"");
  }
  return result;
}

void OutputTree::parseResult(const nb::tuple &node, Node &result) {
  if (node.size() != 3)
    fail("expected (\"leaf\", result, kind)");
  result.kind = Kind::Result;
  result.index = parseIndex(node[1], program.results.size(), "result");
  ResultKind kind = parseResultKind(nb::cast<std::string>(node[2]));
  size_t buffer = program.results[result.index].buffer;
  if (kind == ResultKind::Scalar && !program.buffers[buffer].type.shape.empty())
    fail("result " + std::to_string(result.index) + " is no scalar: its rank is not 0");
  if (kindKnown[result.index] && resultKinds[result.index] != kind)
    fail("result " + std::to_string(result.index) + " has two kinds");
  kindKnown[result.index] = true;
  resultKinds[result.index] = kind;
}

void OutputTree::parseWritten(const nb::tuple &node, Node &result, References &references) {
  if (node.size() != 3)
    fail("expected (\"written\", node, writes)");
  result.kind = Kind::Written;
  result.children.push_back(parseNode(node[1], references));
  for (nb::handle write : node[2]) {
    auto [target, value] = nb::cast<std::pair<nb::object, nb::object>>(write);
    result.children.push_back(parseNode(target, references));
    const Node &place = result.children.back();
    if (place.kind == Kind::Argument)
      leavesWritten.push_back(place.index);
    else if (place.kind == Kind::Value && place.object)
      objectsWritten.push_back(place.object);
    else
      fail("only arguments and values are written");
    result.children.push_back(parseNode(value, references));
    const Node &elements = result.children.back();
    if (elements.kind != Kind::Result || resultKinds[elements.index] != ResultKind::Torch)
      fail("only results that are tensors are written");
  }
}

void OutputTree::parseTuple(const nb::tuple &node, Node &result, References &references) {
  if (node.size() == 2)
    return;
  // A named tuple is made by its _make; torch's and os's kinds of them take
  // the tuple in their constructor.
  nb::object type = nb::borrow(node[2]);
  result.object =
      references.keep(nb::hasattr(type, "_make") ? nb::object(type.attr("_make")) : type);
}

nb::object OutputTree::buildNode(const Node &node, const std::vector<nb::object> &results,
                                 CallFrame &frame) const {
  switch (node.kind) {
  case Kind::Result:
    return results[node.index];
  case Kind::Argument:
    return nb::borrow(frame.leaves[node.index].object);
  case Kind::Value:
    return nb::borrow(node.object);
  case Kind::Tuple:
    return buildTuple(node, results, frame);
  case Kind::List:
    return buildList(node, results, frame);
  case Kind::Made:
    return checked(PyObject_CallOneArg(node.object, buildList(node, results, frame).ptr()));
  case Kind::Written:
    for (size_t i = 1; i < node.children.size(); i += 2)
      copyToTensor(buildNode(node.children[i], results, frame).ptr(),
                   buildNode(node.children[i + 1], results, frame).ptr());
    return buildNode(node.children[0], results, frame);
  case Kind::Dict:
    break;
  }
  nb::object dict = checked(PyDict_New());
  for (size_t i = 0; i < node.keys.size(); ++i)
    if (PyDict_SetItem(dict.ptr(), node.keys[i],
                       buildNode(node.children[i], results, frame).ptr()) < 0)
      throw nb::python_error();
  return dict;
}

nb::object OutputTree::buildList(const Node &node, const std::vector<nb::object> &results,
                                 CallFrame &frame) const {
  nb::list list;
  for (const Node &child : node.children)
    list.append(buildNode(child, results, frame));
  return list;
}

nb::object OutputTree::buildTuple(const Node &node, const std::vector<nb::object> &results,
                                  CallFrame &frame) const {
  nb::object tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(node.children.size())));
  for (size_t i = 0; i < node.children.size(); ++i)
    PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i),
                     buildNode(node.children[i], results, frame).release().ptr());
  if (!node.object)
    return tuple;
  return checked(PyObject_CallOneArg(node.object, tuple.ptr()));
}

} // namespace torsh::python
