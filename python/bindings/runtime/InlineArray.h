// SPDX-License-Identifier: Apache-2.0
// An array of a size known at construction, on the stack when it is small.
#ifndef TORSHJIT_PYTHON_RUNTIME_INLINEARRAY_H
#define TORSHJIT_PYTHON_RUNTIME_INLINEARRAY_H

#include <cstddef>
#include <memory>
#include <type_traits>

namespace torsh::python {

/// Elements are zero-initialised. A call must not pay for the heap.
template <typename T, size_t N> class InlineArray {
  static_assert(std::is_trivially_destructible_v<T>);

public:
  explicit InlineArray(size_t size) : count(size) {
    if (size > N)
      heap = std::make_unique<T[]>(size);
    else
      for (size_t i = 0; i < size; ++i)
        local[i] = T();
  }
  T *data() { return heap ? heap.get() : local; }
  T &operator[](size_t i) { return data()[i]; }
  size_t size() const { return count; }

private:
  size_t count;
  std::unique_ptr<T[]> heap;
  T local[N];
};

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_INLINEARRAY_H
