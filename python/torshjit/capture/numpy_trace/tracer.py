# SPDX-License-Identifier: Apache-2.0
"""The object that stands for an array while a NumPy function is captured."""

from __future__ import annotations

import itertools
import operator
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from torshjit.capture.graph_function import ArgumentLeaf, ValueLeaf
from torshjit.capture.numpy_trace import tables
from torshjit.capture.numpy_trace.session import TraceSession

__all__ = ["Storage", "Tracer", "View"]

#: Longest axis that a Python loop over a tracer is unrolled for.
_MOST_UNROLLED = 64


class View:
    """How an array is a view of another one.

    Attributes:
        whole: the other array.
        read: makes the view's graph value from that of the whole.
        write: makes the graph value of the whole from its old one and the view's new one.
        key: the index, of a view by indexing.
    """

    __slots__ = ("key", "read", "whole", "write")

    def __init__(
        self,
        whole: Tracer,
        read: Callable[[Any], Any],
        write: Callable[[Any, Any], Any],
        key: Any = None,
    ) -> None:
        self.whole = whole
        self.read = read
        self.write = write
        self.key = key


class Storage:
    """The memory that NumPy would share between an array and its views.

    `external` memory belongs to the caller: an argument, a global or a constant. Writing to
    it cannot be captured. Writing to other memory can, as long as one tracer alone sees it.
    """

    __slots__ = ("external", "viewers")

    def __init__(self, external: bool = False) -> None:
        self.external = external
        self.viewers: list[weakref.ref[Tracer]] = []

    def others(self, chain: list[Tracer]) -> list[Tracer]:
        """The live tracers, other than those of a chain of views, that see the memory."""
        ids = {id(tracer) for tracer in chain}
        live = [(viewer, viewer()) for viewer in self.viewers]
        self.viewers = [viewer for viewer, tracer in live if tracer is not None]
        return [tracer for _, tracer in live if tracer is not None and id(tracer) not in ids]


class _Flags:
    """``array.flags``, of which only what is the same for every array of the program is known."""

    #: Whether it is in the order of Fortran and not in that of C; no array of a program is.
    fnc = False

    def __init__(self, session: TraceSession) -> None:
        self._session = session

    def __getattr__(self, name: str) -> NoReturn:
        self._session.unsupported("numpy.ndarray.flags", f"asked for {name}")


class Tracer(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of a known shape and dtype, whose elements exist only when the program runs.

    It answers to NumPy's functions, operators, methods and indexing by adding operations to
    the graph. Whatever asks for an element's value raises CaptureError.
    """

    __slots__ = (
        "__weakref__",
        "_alive",
        "_value",
        "dtype",
        "is_scalar",
        "known",
        "made_by",
        "origin",
        "session",
        "shape",
        "source",
        "storage",
    )

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        session: TraceSession,
        value: Any | Callable[[], Any],
        dtype: np.dtype,
        shape: tuple[int, ...],
        storage: Storage | None = None,
        is_scalar: bool = False,
    ) -> None:
        self.session = session
        #: Of complex numbers: pairs along a last axis.
        self._value = value
        self.dtype = dtype
        self.shape = shape
        self.storage = Storage() if storage is None else storage
        self.is_scalar = is_scalar
        #: The contents, of an array that the function made of plain values (known_arrays.py).
        self.known: np.ndarray | None = None
        #: Leaf of the output tree for returning the very object that this stands for, if any.
        self.origin: ArgumentLeaf | ValueLeaf | None = None
        #: The call of the host that it is a result of, if it is one.
        self.made_by: str | None = None
        #: What this is a view of, if it is one that can be written through.
        self.source: View | None = None
        self._alive: object = None
        self.storage.viewers.append(weakref.ref(self))
        session.watch(self)

    @property
    def value(self) -> Any:
        """The graph's value; an array that is bound lazily becomes an input here."""
        if self.dtype.kind == "c":
            name = self.made_by or "a program of complex numbers"
            self.session.unsupported(name, "complex numbers stay between calls of NumPy")
        return self.stored_value

    @property
    def stored_value(self) -> Any:
        """`value`, for complex numbers an array of pairs."""
        if callable(self._value):
            self._value = self._value()
        return self._value

    def set_value(self, value: Any) -> None:
        """Gives it another graph value, or what makes it at its first use."""
        self._value = value

    def release(self) -> None:
        """Drops the graph's value, once the capture is over."""
        self._value = self._alive = self.origin = self.source = self.known = None

    def keep_alive(self, owner: object) -> None:
        """Keeps `owner` from being freed, and its id from being reused, while tracing."""
        self._alive = owner

    # What isinstance() answers: code written for arrays must take the same branches.
    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        return self.dtype.type if self.is_scalar else np.ndarray

    # Attributes of an ndarray that are known while tracing.

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> Tracer:
        return tables.call_method(self, "transpose", (), {})

    @property
    def mT(self) -> Tracer:
        return tables.call_function(self.session, np.matrix_transpose, (self,), {})

    @property
    def real(self) -> Tracer:
        if self.dtype.kind == "c":
            return tables.call_function(self.session, np.real, (self,), {})
        return self

    @property
    def imag(self) -> Tracer:
        return tables.call_function(self.session, np.imag, (self,), {})

    @property
    def flags(self) -> Any:
        return _Flags(self.session)

    @property
    def device(self) -> str:
        return "cpu"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tracer]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        if self.known is not None:
            return (self[index] for index in range(self.shape[0]))
        if self.shape[0] > _MOST_UNROLLED:
            self.session.refuse(
                f"iterating over an axis of {self.shape[0]} elements would repeat the loop's "
                f"operations as often in the program; the limit is {_MOST_UNROLLED}"
            )
        return (self[index] for index in range(self.shape[0]))

    def __getitem__(self, key: Any) -> Tracer:
        from torshjit.capture.numpy_trace.host_fallback import recovered

        result = recovered(
            self.session,
            lambda: tables.METHODS["__getitem__"](self, key),
            "operator.getitem",
            operator.getitem,
            (self, key),
            {},
        )
        if self.known is not None and type(result) is Tracer and result.storage is self.storage:
            tables.METHODS["note view"](self, result, key)
        return result

    def __setitem__(self, key: Any, value: Any) -> None:
        from torshjit.capture.numpy_trace.known_arrays import NOT_KNOWN, call_known

        if self.known is not None:
            done = call_known(self.session, operator.setitem, (self, key, value), {})
            if done is not NOT_KNOWN:
                return
        tables.METHODS["__setitem__"](self, key, value)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and hasattr(np.ndarray, name):
            if callable(getattr(np.ndarray, name)):
                return lambda *args, **kwargs: tables.call_method(self, name, args, kwargs)
            self.session.unsupported(f"numpy.ndarray.{name}")
        raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")

    # NumPy's protocols.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from torshjit.capture.numpy_trace.ufuncs import call_ufunc

        return call_ufunc(self.session, ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        return tables.call_function(self.session, function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        # A copy that cannot be written: what is written to it would be lost.
        array = np.array(self._known_value("converting a traced array to a plain one"), dtype)
        array.flags.writeable = False
        return array

    def __pow__(self, exponent: Any) -> Any:
        if self.known is not None:
            return np.power(self, exponent)
        return tables.METHODS["__pow__"](self, exponent)

    # In-place operators on a NumPy scalar bind a new one, as Python does.
    def __ipow__(self, exponent: Any) -> Any:  # type: ignore[misc]
        from torshjit.capture.numpy_trace.ufuncs import store

        if self.known is not None:
            power: Any = np.power
            return power(self, exponent, out=(self,))
        result = tables.METHODS["__pow__"](self, exponent)
        return store(self.session, "numpy.power", self, result)

    def assign(self, result: Tracer) -> Tracer:
        """Gives this array the contents of `result`, of the same shape and dtype.

        What this is a view of changes with it, and so do other views of that. Returns this tracer,
        or for a NumPy scalar, which is immutable, `result`.

        Raises:
            CaptureError: NumPy would write to memory that the caller or a view sees.
        """
        if self.is_scalar:
            return result
        if self.storage.external:
            self.session.refuse("the function writes to an array that it did not create")
        chain = [self]
        while chain[-1].source is not None:
            chain.append(chain[-1].source.whole)
        others = self.storage.others(chain)
        if any(other.source is None for other in others):
            self.session.refuse(
                "the function writes to an array of which there is a view by reshaping, or one "
                "that NumPy would not let be written"
            )
        value = result.value
        old = [each.value for each in chain]
        for each in (*chain, *others):
            each.known = None
        self._value = value
        for number, (part, whole) in enumerate(itertools.pairwise(chain)):
            assert part.source is not None
            whole._value = part.source.write(old[number + 1], part._value)
        for other in others:
            other.reread()
        return self

    def reread(self) -> None:
        """Takes the contents from what this is a view of at the next use."""
        source = self.source
        assert source is not None
        self._value = lambda: source.read(source.whole.value)

    # Whatever asks for a value.

    def _known_value(self, action: str) -> np.ndarray:
        if self.known is None:
            self._refuse_value(action)
        return self.known

    def _refuse_value(self, action: str) -> NoReturn:
        self.session.refuse(
            f"{action} needs its value, which exists only when the compiled program runs"
        )

    def __bool__(self) -> bool:
        if self.size != 1 and self.known is None:
            if self.size == 0:
                self._refuse_value("taking the truth value of an empty array")
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. "
                "Use a.any() or a.all()"
            )
        return bool(
            self._known_value("taking the truth value of a traced array (if, while, and, or, not)")
        )

    def __float__(self) -> float:
        return float(self._known_value("float() of a traced array"))

    def __int__(self) -> int:
        return int(self._known_value("int() of a traced array"))

    def __index__(self) -> int:
        return operator.index(self._known_value("using a traced array as an index"))  # type: ignore[arg-type]

    def __complex__(self) -> complex:
        return complex(self._known_value("complex() of a traced array"))

    def __str__(self) -> str:
        return str(self._known_value("printing or formatting a traced array"))

    def __format__(self, specification: str) -> str:
        return format(self._known_value("printing or formatting a traced array"), specification)

    def __contains__(self, item: Any) -> bool:
        return item in self._known_value("the operator `in` on a traced array")

    def item(self, *args: Any) -> Any:
        return self._known_value(".item() of a traced array").item(*args)

    def tolist(self) -> Any:
        return self._known_value(".tolist() of a traced array").tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        return self._known_value(".tobytes() of a traced array").tobytes(order)

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape} and dtype {self.dtype}>"

    def __deepcopy__(self, memo: dict) -> Tracer:
        return tables.METHODS["copy"](self)

    def __copy__(self) -> Tracer:
        return tables.METHODS["copy"](self)

    def __reduce__(self) -> NoReturn:
        self._refuse_value("pickling a traced array")
