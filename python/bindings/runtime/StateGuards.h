// SPDX-License-Identifier: Apache-2.0
// What a specialization assumes of the state around the program, looked at in each call.
#ifndef TORSHJIT_PYTHON_RUNTIME_STATEGUARDS_H
#define TORSHJIT_PYTHON_RUNTIME_STATEGUARDS_H

#include "ArgumentTree.h"

#include <nanobind/nanobind.h>

#include <vector>

namespace torsh::python {

class StateGuards {
public:
  /// identity: (dict, key, object). attributes: (object, name, value), compared like arguments.
  /// state: what is compared by identity elsewhere,
  ///   ("attribute", owner, name, object)   what getattr gives, None where there is none
  ///   ("member", class, name, object)      in the class's own dict
  ///   ("cell", cell, object)
  ///   ("items", list or dict, [objects][, [keys]])   all of them, in order; of the exact type
  ///   ("absent", dict, [keys])
  ///   ("autocast", False or True)          of torch on the CPU
  /// each with a name behind, for messages. Throws nb::value_error for other forms.
  StateGuards(nb::handle identity, nb::handle attributes, nb::handle state, References &references);

  bool hold(Mismatch *why) const;

private:
  struct Entry {
    PyObject *dict;
    PyObject *key;
    PyObject *expected;
  };
  struct Attribute {
    PyObject *object;
    PyObject *name;
    PyObject *expected;
  };
  enum class Kind { Attribute, Member, Cell, Items, Absent, Autocast };
  struct State {
    Kind kind;
    PyObject *subject;
    PyObject *key;                  ///< Attribute, Member
    std::vector<PyObject *> values; ///< expected; Absent: none
    std::vector<PyObject *> keys;   ///< Items of a dict, Absent
    PyObject *name;
  };

  State parseState(const nb::tuple &form, References &references);
  static bool holds(const Entry &guard);
  static bool holds(const Attribute &guard);
  static bool holds(const State &guard);
  static bool hasItems(const State &guard);

  std::vector<Entry> entries;
  std::vector<Attribute> attributes;
  std::vector<State> states;
};

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_STATEGUARDS_H
