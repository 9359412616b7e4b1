// SPDX-License-Identifier: Apache-2.0
// MSL's element types and casts in terms of clang's.
#ifndef MSL_TYPES_H
#define MSL_TYPES_H

using uchar = unsigned char;
using ushort = unsigned short;
using uint = unsigned int;
using ulong = unsigned long;
using half = _Float16;
using bfloat = __bf16;
using size_t = unsigned long;
using uint8_t = uchar;
using uint16_t = ushort;
using uint32_t = uint;
using uint64_t = ulong;
using int8_t = signed char;
using int16_t = short;
using int32_t = int;
using int64_t = long;

#define MSL_VECTORS(type)                                                                          \
  using type##2 = type __attribute__((ext_vector_type(2)));                                        \
  using type##3 = type __attribute__((ext_vector_type(3)));                                        \
  using type##4 = type __attribute__((ext_vector_type(4)));
MSL_VECTORS(char)
MSL_VECTORS(uchar)
MSL_VECTORS(short)
MSL_VECTORS(ushort)
MSL_VECTORS(int)
MSL_VECTORS(uint)
MSL_VECTORS(long)
MSL_VECTORS(ulong)
MSL_VECTORS(half)
MSL_VECTORS(float)
MSL_VECTORS(bool)

#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.192092896e-07f
#define HALF_MAX 65504.0h
#define INT_MAX 0x7fffffff
#define INT_MIN (-INT_MAX - 1)
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

constexpr half operator""h(long double value) { return half(value); }
constexpr half operator""h(unsigned long long value) { return half(value); }

namespace msl {

template <class T> struct VectorTraits {
  using Element = T;
  static constexpr uint size = 1;
};
template <class T, uint N> struct VectorTraits<T __attribute__((ext_vector_type(N)))> {
  using Element = T;
  static constexpr uint size = N;
};
template <class T>
concept Vector = VectorTraits<T>::size > 1;

/// `float4(a, b)` of MSL, which C++ does not have for vectors: components of scalars and vectors
/// one after the other; one scalar is repeated, one vector is converted.
template <Vector V, class... Parts> V construct(Parts... parts) {
  using Element = typename VectorTraits<V>::Element;
  V result;
  uint filled = 0;
  auto append = [&](auto part) {
    if constexpr (Vector<decltype(part)>) {
      for (uint i = 0; i < VectorTraits<decltype(part)>::size; ++i)
        result[filled++] = Element(part[i]);
    } else if constexpr (sizeof...(Parts) == 1) {
      result = V(Element(part));
    } else {
      result[filled++] = Element(part);
    }
  };
  (append(parts), ...);
  return result;
}

} // namespace msl

namespace metal {

template <class To, class From> To as_type(From from) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
  return __builtin_bit_cast(To, from);
}

} // namespace metal

#endif // MSL_TYPES_H
