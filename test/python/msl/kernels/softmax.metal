#include <metal_stdlib>
#include <simd/simd.h>

using namespace metal;

struct _6
{
    float _m0[64];
};

struct _4
{
    float _m0[1];
};

struct _9
{
    int _m0[1];
};

// softmax over rows of sizes[1], of which there are sizes[0]
kernel void torsh_kernel_softmax(const device _4& arg_0 [[buffer(0)]], device _4& arg_1 [[buffer(1)]], const device _9& sizes [[buffer(2)]], uint3 gl_LocalInvocationID [[thread_position_in_threadgroup]], uint3 gl_WorkGroupID [[threadgroup_position_in_grid]], uint3 gl_NumWorkGroups [[threadgroups_per_grid]])
{
    threadgroup _6 _workgroup_mem_0;
    uint _20 = gl_LocalInvocationID.x;
    for (uint _30 = gl_WorkGroupID.x; int(_30) < sizes._m0[0]; _30 += gl_NumWorkGroups.x)
    {
        uint _32 = _30 * uint(sizes._m0[1]);
        float _40 = as_type<float>(0xff800000u /* -inf */);
        for (uint _41 = _20; int(_41) < sizes._m0[1]; _41 += 64u)
        {
            _40 = fast::max(_40, arg_0._m0[_32 + _41]);
        }
        _workgroup_mem_0._m0[_20] = _40;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (uint _50 = 32u; _50 > 0u; _50 = _50 >> 1u)
        {
            if (_20 < _50)
            {
                _workgroup_mem_0._m0[_20] = fast::max(_workgroup_mem_0._m0[_20], _workgroup_mem_0._m0[_20 + _50]);
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
        float _60 = _workgroup_mem_0._m0[0];
        threadgroup_barrier(mem_flags::mem_threadgroup);
        float _70 = 0.0;
        for (uint _71 = _20; int(_71) < sizes._m0[1]; _71 += 64u)
        {
            float _73 = exp(arg_0._m0[_32 + _71] - _60);
            arg_1._m0[_32 + _71] = _73;
            _70 += _73;
        }
        _workgroup_mem_0._m0[_20] = _70;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (uint _80 = 32u; _80 > 0u; _80 = _80 >> 1u)
        {
            if (_20 < _80)
            {
                _workgroup_mem_0._m0[_20] = _workgroup_mem_0._m0[_20] + _workgroup_mem_0._m0[_20 + _80];
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
        float _90 = _workgroup_mem_0._m0[0];
        for (uint _91 = _20; int(_91) < sizes._m0[1]; _91 += 64u)
        {
            arg_1._m0[_32 + _91] = arg_1._m0[_32 + _91] / _90;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}
