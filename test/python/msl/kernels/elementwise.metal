#include <metal_stdlib>
#include <simd/simd.h>

using namespace metal;

struct _4
{
    float _m0[1];
};

struct _9
{
    int _m0[1];
};

// out = x * tanh(y), over the sizes[0] elements
kernel void torsh_kernel_elementwise(const device _4& arg_0 [[buffer(0)]], const device _4& arg_1 [[buffer(1)]], device _4& arg_2 [[buffer(2)]], const device _9& sizes [[buffer(3)]], uint3 gl_LocalInvocationID [[thread_position_in_threadgroup]], uint3 gl_WorkGroupID [[threadgroup_position_in_grid]], uint3 gl_NumWorkGroups [[threadgroups_per_grid]])
{
    uint _30;
    _30 = (gl_WorkGroupID.x * 64u) + gl_LocalInvocationID.x;
    for (;;)
    {
        uint _34 = _30;
        if (int(_34) < sizes._m0[0])
        {
            arg_2._m0[_34] = arg_0._m0[_34] * precise::tanh(arg_1._m0[_34]);
            _30 = _34 + (gl_NumWorkGroups.x * 64u);
            continue;
        }
        else
        {
            break;
        }
    }
}
