// SPDX-License-Identifier: Apache-2.0
// The table of exception classes, filled in by the Python package.
#include "ErrorClasses.h"

#include <array>
#include <cstring>
#include <new>

namespace torsh::python {
namespace {
using runtime::Error;
using runtime::ErrorKind;

/// In the order of ErrorKind; null until registered.
std::array<PyObject *, 6> registered{};

PyObject *classOf(ErrorKind kind) {
  if (PyObject *cls = registered[static_cast<size_t>(kind)])
    return cls;
  switch (kind) {
  case ErrorKind::DType:
    return PyExc_TypeError;
  case ErrorKind::Data:
    return PyExc_IndexError;
  case ErrorKind::Shape:
  case ErrorKind::Device:
  case ErrorKind::Option:
    return PyExc_ValueError;
  case ErrorKind::Program:
    break;
  }
  return PyExc_RuntimeError;
}

void setError(const Error &e) {
  // Names in programs come from outside: an error must not fail to be made.
  PyObject *text =
      PyUnicode_DecodeUTF8(e.what(), static_cast<Py_ssize_t>(std::strlen(e.what())), "replace");
  if (!text)
    return;
  PyErr_SetObject(classOf(e.kind()), text);
  Py_DECREF(text);
}

void registerClass(ErrorKind kind, nb::handle cls) {
  if (cls.is_none())
    return;
  if (!PyExceptionClass_Check(cls.ptr()))
    throw nb::type_error("register_errors: expected exception classes");
  PyObject *&slot = registered[static_cast<size_t>(kind)];
  Py_XDECREF(slot);
  slot = Py_NewRef(cls.ptr());
}
} // namespace

void setPythonError() noexcept {
  try {
    throw;
  } catch (nb::python_error &e) {
    e.restore();
  } catch (const Error &e) {
    setError(e);
  } catch (const nb::builtin_exception &e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const std::bad_alloc &) {
    PyErr_NoMemory();
  } catch (const std::exception &e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

void bindErrorClasses(nb::module_ &m) {
  nb::register_exception_translator([](const std::exception_ptr &p, void *) {
    try {
      std::rethrow_exception(p);
    } catch (const Error &e) {
      setError(e);
    }
  });
  m.def(
      "register_errors",
      [](nb::handle program, nb::handle shape, nb::handle dtype, nb::handle device,
         nb::handle option, nb::handle data) {
        registerClass(ErrorKind::Program, program);
        registerClass(ErrorKind::Shape, shape);
        registerClass(ErrorKind::DType, dtype);
        registerClass(ErrorKind::Device, device);
        registerClass(ErrorKind::Option, option);
        registerClass(ErrorKind::Data, data);
      },
      nb::arg("program") = nb::none(), nb::arg("shape") = nb::none(), nb::arg("dtype") = nb::none(),
      nb::arg("device") = nb::none(), nb::arg("option") = nb::none(), nb::arg("data") = nb::none(),
      "Exception classes for malformed programs, for extents, element types "
      "and devices that a program does not accept, for bad settings, and for contents of "
      "arrays that a program does not accept. Those left out keep their class (RuntimeError, "
      "ValueError, TypeError, IndexError).");
}

} // namespace torsh::python
