// SPDX-License-Identifier: Apache-2.0
// Where the running thread stands, and how it waits for others; the executor defines it.
#ifndef MSL_THREAD_H
#define MSL_THREAD_H

namespace msl {

constexpr uint kSimdgroupSize = 32;

enum Memory { kThreadgroupMemory, kDeviceMemory };

/// The two counts of a stamp: threadgroup barriers above, simdgroup barriers since below.
constexpr ulong kThreadgroupStep = 1ul << 32;

struct State {
  uint threadIndex; // in its threadgroup
  uint groupIndex;  // in the grid
  uint threads;     // per threadgroup
  uint groups;      // in the grid
  uint serial;      // of the threadgroup among all that the process ran
  ulong stamp[2];   // by Memory: equal stamps mean that no barrier lies between
};

enum Wait { kRunning, kThreadgroupBarrier, kSimdgroupBarrier, kSimdgroupExchange };

} // namespace msl

extern "C" {
extern msl::State msl_state;
/// Returns when every thread of the threadgroup (of the simdgroup) is at the same `site`. `flags`
/// is metal::mem_flags: which memory the barrier orders.
void msl_wait(msl::Wait kind, uint site, uint flags);
/// Each lane's `bits`, seen by lane `source` of the same simdgroup.
ulong msl_exchange(uint site, ulong bits, uint source);
/// Ends the launch with an error.
[[noreturn]] void msl_fail_race(msl::Memory memory, int binding, ulong element, uint other);
[[noreturn]] void msl_fail_bounds(msl::Memory memory, int binding, long element, ulong count);
[[noreturn]] void msl_fail_unwritten(ulong element);
}

namespace metal {

enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4 };
inline mem_flags operator|(mem_flags a, mem_flags b) { return mem_flags(int(a) | int(b)); }

// Functions in MSL; macros here, so that a wait knows which one of the text it is.
#define threadgroup_barrier(flags)                                                                 \
  msl_wait(msl::kThreadgroupBarrier, __LINE__, static_cast<uint>(flags))
#define simdgroup_barrier(flags)                                                                   \
  msl_wait(msl::kSimdgroupBarrier, __LINE__, static_cast<uint>(flags))

} // namespace metal

#endif // MSL_THREAD_H
