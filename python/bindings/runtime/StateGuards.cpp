// SPDX-License-Identifier: Apache-2.0
// Parses guards and checks them.
#include "StateGuards.h"

#include "TorchTensors.h"

#include <nanobind/stl/string.h>

#include <array>

namespace torsh::python {
namespace {
[[noreturn]] void fail(const std::string &text) {
  throw nb::value_error(("add_specialization: " + text).c_str());
}

std::array<PyObject *, 3> parseThree(nb::handle handle, References &references) {
  auto guard = nb::cast<nb::tuple>(handle);
  if (guard.size() != 3)
    fail("a guard has three parts");
  return {references.keep(guard[0]), references.keep(guard[1]), references.keep(guard[2])};
}

/// The attribute's value, or nothing and no exception where there is none.
nb::object attributeOf(PyObject *object, PyObject *name) {
  nb::object value = nb::steal(PyObject_GetAttr(object, name));
  if (!value.is_valid()) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
      throw nb::python_error();
    PyErr_Clear();
  }
  return value;
}

PyObject *entryOf(PyObject *dict, PyObject *key) {
  PyObject *value = PyDict_GetItemWithError(dict, key);
  if (!value && PyErr_Occurred())
    throw nb::python_error();
  return value;
}

/// The names that a class itself defines; a new reference.
nb::object dictOf(PyTypeObject *type) {
#if PY_VERSION_HEX >= 0x030C0000
  return nb::steal(PyType_GetDict(type));
#else
  return nb::borrow(type->tp_dict);
#endif
}

bool isSameKey(PyObject *key, PyObject *expected) {
  // A string's comparison runs no code of the program, which could change the dict being read.
  return key == expected || (PyUnicode_CheckExact(key) && PyUnicode_CheckExact(expected) &&
                             PyUnicode_Compare(key, expected) == 0);
}
} // namespace

StateGuards::StateGuards(nb::handle identity, nb::handle attributeList, nb::handle state,
                         References &references) {
  for (nb::handle handle : identity) {
    auto [dict, key, expected] = parseThree(handle, references);
    if (!PyDict_Check(dict))
      fail("a guard is (dict, key, expected object)");
    entries.push_back({dict, key, expected});
  }
  for (nb::handle handle : attributeList) {
    auto [object, name, expected] = parseThree(handle, references);
    if (!PyUnicode_Check(name))
      fail("an attribute guard is (object, name, expected value)");
    attributes.push_back({object, name, expected});
  }
  for (nb::handle handle : state)
    states.push_back(parseState(nb::cast<nb::tuple>(handle), references));
}

StateGuards::State StateGuards::parseState(const nb::tuple &form, References &references) {
  size_t size = form.size();
  auto kind = size > 2 ? nb::cast<std::string>(form[0]) : "";
  State result{};
  auto part = [&](size_t i) { return references.keep(form[i]); };
  auto keepAll = [&](nb::handle list, std::vector<PyObject *> &to) {
    for (nb::handle item : list)
      to.push_back(references.keep(item));
  };
  if (kind == "autocast" && size == 3) {
    result.kind = Kind::Autocast;
    result.values = {part(1)};
    result.name = part(2);
    return result;
  }
  result.subject = size > 2 ? part(1) : nullptr;
  result.name = size > 2 ? part(size - 1) : nullptr;
  if (kind == "attribute" && size == 5 && PyUnicode_Check(nb::handle(form[2]).ptr())) {
    result.kind = Kind::Attribute;
    result.key = part(2);
    result.values = {part(3)};
  } else if (kind == "member" && size == 5 && PyType_Check(result.subject)) {
    result.kind = Kind::Member;
    result.key = part(2);
    result.values = {part(3)};
  } else if (kind == "cell" && size == 4 && PyCell_Check(result.subject)) {
    result.kind = Kind::Cell;
    result.values = {part(2)};
  } else if (kind == "items" && size == 4 && PyList_CheckExact(result.subject)) {
    result.kind = Kind::Items;
    keepAll(form[2], result.values);
  } else if (kind == "items" && size == 5 && PyDict_CheckExact(result.subject)) {
    result.kind = Kind::Items;
    keepAll(form[2], result.values);
    keepAll(form[3], result.keys);
    if (result.keys.size() != result.values.size())
      fail("a guarded dict has as many keys as objects");
  } else if (kind == "absent" && size == 4 && PyDict_Check(result.subject)) {
    result.kind = Kind::Absent;
    keepAll(form[2], result.keys);
  } else {
    fail("a guard of state has a kind, its parts and a name");
  }
  return result;
}

bool StateGuards::hold(Mismatch *why) const {
  auto broken = [&](PyObject *name) {
    if (why)
      *why = {runtime::ErrorKind::Program,
              "guarded state changed: " + nb::cast<std::string>(nb::repr(nb::handle(name)))};
    return false;
  };
  for (const Entry &guard : entries)
    if (!holds(guard))
      return broken(guard.key);
  for (const Attribute &guard : attributes)
    if (!holds(guard))
      return broken(guard.name);
  for (const State &guard : states)
    if (!holds(guard))
      return broken(guard.name);
  return true;
}

bool StateGuards::holds(const Entry &guard) {
  return entryOf(guard.dict, guard.key) == guard.expected;
}

bool StateGuards::holds(const Attribute &guard) {
  nb::object value = attributeOf(guard.object, guard.name);
  return value.is_valid() && isSameValue(value.ptr(), guard.expected);
}

bool StateGuards::holds(const State &guard) {
  switch (guard.kind) {
  case Kind::Attribute: {
    nb::object value = attributeOf(guard.subject, guard.key);
    return (value.is_valid() ? value.ptr() : Py_None) == guard.values[0];
  }
  case Kind::Member:
    return entryOf(dictOf(reinterpret_cast<PyTypeObject *>(guard.subject)).ptr(), guard.key) ==
           guard.values[0];
  case Kind::Cell:
    return PyCell_GET(guard.subject) == guard.values[0];
  case Kind::Items:
    return hasItems(guard);
  case Kind::Absent:
    for (PyObject *key : guard.keys)
      if (entryOf(guard.subject, key))
        return false;
    return true;
  case Kind::Autocast:
    break;
  }
  return isAutocastEnabledOnCPU() == (guard.values[0] == Py_True);
}

bool StateGuards::hasItems(const State &guard) {
  size_t count = guard.values.size();
  if (PyList_CheckExact(guard.subject)) {
    if (static_cast<size_t>(PyList_GET_SIZE(guard.subject)) != count)
      return false;
    for (size_t i = 0; i < count; ++i)
      if (PyList_GET_ITEM(guard.subject, static_cast<Py_ssize_t>(i)) != guard.values[i])
        return false;
    return true;
  }
  if (static_cast<size_t>(PyDict_GET_SIZE(guard.subject)) != count)
    return false;
  Py_ssize_t position = 0;
  PyObject *key, *value;
  bool hasSameKeys = true;
  for (size_t i = 0; i < count && PyDict_Next(guard.subject, &position, &key, &value); ++i) {
    if (value != guard.values[i])
      return false;
    hasSameKeys &= isSameKey(key, guard.keys[i]);
  }
  if (hasSameKeys)
    return true;
  // Keys of other types are compared as Python does, apart from the dict.
  nb::object keys = nb::steal(PyDict_Keys(guard.subject));
  if (!keys.is_valid())
    throw nb::python_error();
  for (size_t i = 0; i < count; ++i) {
    int same = PyObject_RichCompareBool(PyList_GET_ITEM(keys.ptr(), static_cast<Py_ssize_t>(i)),
                                        guard.keys[i], Py_EQ);
    if (same < 0)
      throw nb::python_error();
    if (!same)
      return false;
  }
  return true;
}

} // namespace torsh::python
