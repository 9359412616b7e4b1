#include <metal_stdlib>
#include <simd/simd.h>

using namespace metal;

struct _4
{
    uchar _m0[1];
};

struct _5
{
    ushort _m0[1];
};

// out = mask ? x : -x in bf16, which is 16 bits here; 37 elements, no sizes
kernel void torsh_kernel_mask(const device _4& arg_0 [[buffer(0)]], const device _5& arg_1 [[buffer(1)]], device _5& arg_2 [[buffer(2)]], uint3 gl_GlobalInvocationID [[thread_position_in_grid]])
{
    if (gl_GlobalInvocationID.x < 37u)
    {
        float _20 = as_type<float>(uint(arg_1._m0[gl_GlobalInvocationID.x]) << 16u);
        float _21 = select(-_20, _20, arg_0._m0[gl_GlobalInvocationID.x] != uchar(0));
        arg_2._m0[gl_GlobalInvocationID.x] = ushort(as_type<uint>(_21) >> 16u);
    }
}
