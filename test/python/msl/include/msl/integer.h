// SPDX-License-Identifier: Apache-2.0
// Integer functions, and those that any scalar has.
#ifndef MSL_INTEGER_H
#define MSL_INTEGER_H

namespace metal {

#define MSL_SCALAR_FUNCTIONS(type)                                                                 \
  inline type select(type no, type yes, bool condition) { return condition ? yes : no; }
#define MSL_INTEGER_FUNCTIONS(type, unsigned_type)                                                 \
  MSL_SCALAR_FUNCTIONS(type)                                                                       \
  inline type min(type a, type b) { return b < a ? b : a; }                                        \
  inline type max(type a, type b) { return a < b ? b : a; }                                        \
  inline type clamp(type x, type low, type high) { return min(max(x, low), high); }                \
  inline type abs(type x) { return x < type(0) ? type(-x) : x; }                                   \
  inline unsigned_type absdiff(type a, type b) {                                                   \
    return a < b ? unsigned_type(b) - unsigned_type(a) : unsigned_type(a) - unsigned_type(b);      \
  }                                                                                                \
  inline type popcount(type x) { return type(__builtin_popcountg(unsigned_type(x))); }             \
  inline type clz(type x) { return type(__builtin_clzg(unsigned_type(x), int(8 * sizeof(x)))); }   \
  inline type ctz(type x) { return type(__builtin_ctzg(unsigned_type(x), int(8 * sizeof(x)))); }   \
  inline type mulhi(type a, type b) {                                                              \
    using Wide = __int128;                                                                         \
    return type((Wide(a) * Wide(b)) >> (8 * sizeof(type)));                                        \
  }                                                                                                \
  inline type rotate(type x, type by) {                                                            \
    constexpr uint bits = 8 * sizeof(type);                                                        \
    uint count = uint(by) % bits;                                                                  \
    unsigned_type u = unsigned_type(x);                                                            \
    return count ? type(unsigned_type(u << count) | unsigned_type(u >> (bits - count))) : x;       \
  }                                                                                                \
  inline type reverse_bits(type x) {                                                               \
    unsigned_type result = 0;                                                                      \
    for (uint bit = 0; bit < 8 * sizeof(x); ++bit)                                                 \
      result = unsigned_type(result << 1) | unsigned_type((unsigned_type(x) >> bit) & 1);          \
    return type(result);                                                                           \
  }                                                                                                \
  inline type extract_bits(type x, uint offset, uint bits) {                                       \
    uint width = 8 * sizeof(type);                                                                 \
    return bits == 0 ? type(0) : type(type(x << (width - offset - bits)) >> (width - bits));       \
  }                                                                                                \
  inline type insert_bits(type base, type insert, uint offset, uint bits) {                        \
    unsigned_type mask = bits == 8 * sizeof(type)                                                  \
                             ? unsigned_type(~unsigned_type(0))                                    \
                             : unsigned_type(((unsigned_type(1) << bits) - 1) << offset);          \
    return type((unsigned_type(base) & ~mask) | ((unsigned_type(insert) << offset) & mask));       \
  }
MSL_INTEGER_FUNCTIONS(char, uchar)
MSL_INTEGER_FUNCTIONS(uchar, uchar)
MSL_INTEGER_FUNCTIONS(short, ushort)
MSL_INTEGER_FUNCTIONS(ushort, ushort)
MSL_INTEGER_FUNCTIONS(int, uint)
MSL_INTEGER_FUNCTIONS(uint, uint)
MSL_INTEGER_FUNCTIONS(long, ulong)
MSL_INTEGER_FUNCTIONS(ulong, ulong)
MSL_SCALAR_FUNCTIONS(bool)
MSL_SCALAR_FUNCTIONS(half)
MSL_SCALAR_FUNCTIONS(float)
#undef MSL_INTEGER_FUNCTIONS
#undef MSL_SCALAR_FUNCTIONS

inline bool any(bool condition) { return condition; }
inline bool all(bool condition) { return condition; }

} // namespace metal

#endif // MSL_INTEGER_H
