// SPDX-License-Identifier: Apache-2.0
// Arrays that check every access. A cell beside each element remembers who wrote and who read it
// last; two threads of which one writes must have a barrier between them that orders that memory.
#ifndef MSL_MEMORY_H
#define MSL_MEMORY_H

namespace msl {

/// 0 is nobody, else a thread's number in the grid plus one; readers may also be several.
struct Cell {
  uint writer;
  uint reader;
  ulong writeStamp;
  ulong readStamp;
};

constexpr uint kSeveralOfGroup = 1u << 31; // the group in the low bits
constexpr uint kSeveralGroups = ~0u;

inline uint threadInGrid() {
  return msl_state.groupIndex * msl_state.threads + msl_state.threadIndex + 1;
}

inline bool isEpochOver(Memory memory, ulong stamp) {
  return stamp / kThreadgroupStep != msl_state.stamp[memory] / kThreadgroupStep;
}

/// Whether what `other` did at `stamp` happened before what the running thread does now.
inline bool isOrdered(Memory memory, uint other, ulong stamp) {
  if (other == 0 || other == threadInGrid())
    return true;
  if (other == kSeveralGroups)
    return false;
  if (other & kSeveralOfGroup)
    return (other ^ kSeveralOfGroup) == msl_state.groupIndex && isEpochOver(memory, stamp);
  if ((other - 1) / msl_state.threads != msl_state.groupIndex)
    return false;
  uint lane = (other - 1) % msl_state.threads;
  return isEpochOver(memory, stamp) ||
         (lane / kSimdgroupSize == msl_state.threadIndex / kSimdgroupSize &&
          stamp != msl_state.stamp[memory]);
}

inline bool isOfGroup(uint reader) {
  if (reader & kSeveralOfGroup)
    return reader == (kSeveralOfGroup | msl_state.groupIndex);
  return (reader - 1) / msl_state.threads == msl_state.groupIndex;
}

inline void noteRead(Cell &cell, Memory memory, int binding, ulong element) {
  if (!isOrdered(memory, cell.writer, cell.writeStamp))
    msl_fail_race(memory, binding, element, cell.writer);
  if (isOrdered(memory, cell.reader, cell.readStamp))
    cell.reader = threadInGrid();
  else
    cell.reader = isOfGroup(cell.reader) ? kSeveralOfGroup | msl_state.groupIndex : kSeveralGroups;
  cell.readStamp = msl_state.stamp[memory];
}

/// Two threads may write the same value: `changes` is false then.
inline void noteWrite(Cell &cell, Memory memory, int binding, ulong element, bool changes) {
  if (changes && !isOrdered(memory, cell.writer, cell.writeStamp))
    msl_fail_race(memory, binding, element, cell.writer);
  if (changes && !isOrdered(memory, cell.reader, cell.readStamp))
    msl_fail_race(memory, binding, element, cell.reader);
  cell.writer = threadInGrid();
  cell.writeStamp = msl_state.stamp[memory];
}

/// An element in the place of an lvalue.
template <class T> class Element {
public:
  Element(T &value, Cell &cell, Memory memory, int binding, ulong index)
      : value(value), cell(cell), memory(memory), binding(binding), index(index) {}
  Element(const Element &) = default;

  operator T() const { return load(); }
  T load() const {
    noteRead(cell, memory, binding, index);
    if (memory == kThreadgroupMemory && !cell.writer)
      msl_fail_unwritten(index);
    return value;
  }
  Element &operator=(T stored) {
    bool changes = __builtin_memcmp(&stored, &value, sizeof(T)) != 0;
    noteWrite(cell, memory, binding, index, changes);
    value = stored;
    return *this;
  }
  Element &operator=(const Element &other) { return *this = other.load(); }
#define MSL_ASSIGNMENT(op)                                                                         \
  template <class U> Element &operator op## = (const U &other) {                                   \
    return *this = T(load() op other);                                                             \
  }
  MSL_ASSIGNMENT(+)
  MSL_ASSIGNMENT(-)
  MSL_ASSIGNMENT(*)
  MSL_ASSIGNMENT(/)
  MSL_ASSIGNMENT(&)
  MSL_ASSIGNMENT(|)
  MSL_ASSIGNMENT(^)
#undef MSL_ASSIGNMENT

private:
  T &value;
  Cell &cell;
  Memory memory;
  int binding;
  ulong index;
};

// Without these, built-in operators take the element through a conversion, and that of a half is
// to float: its result would not be rounded.
#define MSL_BINARY(op)                                                                             \
  template <class T, class U> auto operator op(const Element<T> &a, const Element<U> &b) {         \
    return a.load() op b.load();                                                                   \
  }                                                                                                \
  template <class T, class U> auto operator op(const Element<T> &a, const U &b) {                  \
    return a.load() op b;                                                                          \
  }                                                                                                \
  template <class T, class U> auto operator op(const U &a, const Element<T> &b) {                  \
    return a op b.load();                                                                          \
  }
MSL_BINARY(+)
MSL_BINARY(-)
MSL_BINARY(*)
MSL_BINARY(/)
#undef MSL_BINARY
template <class T> auto operator-(const Element<T> &a) { return -a.load(); }

/// Memory of a binding, up to the end of its allocation.
struct Binding {
  void *data;
  ulong bytes;
  Cell *cells; // null where the kernel only reads
};

template <class T> class DeviceArray {
public:
  DeviceArray(const Binding &binding, int number)
      : data(static_cast<T *>(binding.data)), cells(binding.cells),
        count(binding.bytes / sizeof(T)), number(number) {}
  Element<T> operator[](long index) const {
    if (static_cast<ulong>(index) >= count)
      msl_fail_bounds(kDeviceMemory, number, index, count);
    return {data[index], cells[index], kDeviceMemory, number, static_cast<ulong>(index)};
  }

private:
  T *data;
  Cell *cells;
  ulong count;
  int number;
};

/// What a kernel only reads needs no cells.
template <class T> class ConstantArray {
public:
  ConstantArray(const Binding &binding, int number)
      : data(static_cast<const T *>(binding.data)), count(binding.bytes / sizeof(T)),
        number(number) {}
  T operator[](long index) const {
    if (static_cast<ulong>(index) >= count)
      msl_fail_bounds(kDeviceMemory, number, index, count);
    return data[index];
  }

private:
  const T *data;
  ulong count;
  int number;
};

/// A variable of a kernel in threadgroup memory. It is a static one on the host: threadgroups run
/// one after the other, and each finds it unwritten.
template <class T, ulong N> class ThreadgroupArray {
public:
  Element<T> operator[](long index) {
    if (static_cast<ulong>(index) >= N)
      msl_fail_bounds(kThreadgroupMemory, -1, index, N);
    if (serial != msl_state.serial) {
      serial = msl_state.serial;
      __builtin_memset(cells, 0, sizeof(cells));
    }
    return {data[index], cells[index], kThreadgroupMemory, -1, static_cast<ulong>(index)};
  }

private:
  T data[N];
  Cell cells[N];
  uint serial;
};

/// What the executor must know of a kernel.
struct Entry {
  void (*body)(const Binding *bindings);
  uint bindings;
  bool synchronizes;
  const uint *elementSizes; // of each binding; 0 where the kernel only reads
};

} // namespace msl

namespace metal {

template <class To, class T> To as_type(const msl::Element<T> &element) {
  return as_type<To>(element.load());
}

} // namespace metal

#endif // MSL_MEMORY_H
