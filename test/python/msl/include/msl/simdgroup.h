// SPDX-License-Identifier: Apache-2.0
// Exchange between the 32 lanes of a simdgroup, all of which must take part.
#ifndef MSL_SIMDGROUP_H
#define MSL_SIMDGROUP_H

namespace msl {

template <class T> T exchange(uint site, T value, uint source) {
  ulong bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  bits = msl_exchange(site, bits, source);
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}

template <class T> T valueOf(T value) { return value; }
template <class T> T valueOf(const Element<T> &element) { return element.load(); }

inline uint lane() { return msl_state.threadIndex % kSimdgroupSize; }

template <class T, class Combine> T reduce(uint site, T value, Combine combine) {
  // Every lane combines in the same order, so all get the same bits.
  T result = exchange(site, value, 0);
  uint first = msl_state.threadIndex - lane();
  for (uint other = 1; other < kSimdgroupSize && first + other < msl_state.threads; ++other)
    result = combine(result, exchange(site, value, other));
  return result;
}

} // namespace msl

#define simd_shuffle(value, source) msl::exchange(__LINE__, msl::valueOf(value), uint(source))
#define simd_shuffle_xor(value, mask)                                                              \
  msl::exchange(__LINE__, msl::valueOf(value), msl::lane() ^ uint(mask))
#define simd_shuffle_down(value, by)                                                               \
  msl::exchange(__LINE__, msl::valueOf(value), msl::lane() + uint(by))
#define simd_shuffle_up(value, by)                                                                 \
  msl::exchange(__LINE__, msl::valueOf(value), msl::lane() - uint(by))
#define simd_broadcast(value, source) simd_shuffle(value, source)
#define simd_broadcast_first(value) simd_shuffle(value, 0)
#define simd_sum(value)                                                                            \
  msl::reduce(__LINE__, msl::valueOf(value), [](auto a, auto b) -> decltype(a) { return a + b; })
#define simd_max(value)                                                                            \
  msl::reduce(__LINE__, msl::valueOf(value), [](auto a, auto b) { return metal::max(a, b); })
#define simd_min(value)                                                                            \
  msl::reduce(__LINE__, msl::valueOf(value), [](auto a, auto b) { return metal::min(a, b); })

#endif // MSL_SIMDGROUP_H
