#include <metal_stdlib>
#include <simd/simd.h>

using namespace metal;

struct _6
{
    half _m0[64];
};

struct _4
{
    half _m0[1];
};

struct _9
{
    int _m0[1];
};

// C = A B in half with float sums; tiles of 8 x 8; sizes are m, k, n
kernel void torsh_kernel_matmul(const device _4& arg_0 [[buffer(0)]], const device _4& arg_1 [[buffer(1)]], device _4& arg_2 [[buffer(2)]], const device _9& sizes [[buffer(3)]], uint3 gl_LocalInvocationID [[thread_position_in_threadgroup]], uint3 gl_WorkGroupID [[threadgroup_position_in_grid]], uint3 gl_NumWorkGroups [[threadgroups_per_grid]])
{
    threadgroup _6 _workgroup_mem_1;
    threadgroup _6 _workgroup_mem_0;
    int m = sizes._m0[0];
    int k = sizes._m0[1];
    int n = sizes._m0[2];
    int columns = (n + 7) / 8;
    int tiles = ((m + 7) / 8) * columns;
    int ty = int(gl_LocalInvocationID.x) / 8;
    int tx = int(gl_LocalInvocationID.x) % 8;
    for (int tile = int(gl_WorkGroupID.x); tile < tiles; tile += int(gl_NumWorkGroups.x))
    {
        int row = (tile / columns) * 8 + ty;
        int column = (tile % columns) * 8 + tx;
        float sum = 0.0;
        for (int begin = 0; begin < k; begin += 8)
        {
            half a = half(0.0);
            half b = half(0.0);
            if (row < m && begin + tx < k)
            {
                a = arg_0._m0[row * k + begin + tx];
            }
            if (column < n && begin + ty < k)
            {
                b = arg_1._m0[(begin + ty) * n + column];
            }
            _workgroup_mem_0._m0[ty * 8 + tx] = a;
            _workgroup_mem_1._m0[ty * 8 + tx] = b;
            threadgroup_barrier(mem_flags::mem_threadgroup);
            for (int i = 0; i < 8; i++)
            {
                sum = fma(float(_workgroup_mem_0._m0[ty * 8 + i]), float(_workgroup_mem_1._m0[i * 8 + tx]), sum);
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
        if (row < m && column < n)
        {
            arg_2._m0[row * n + column] = half(sum);
        }
    }
}
