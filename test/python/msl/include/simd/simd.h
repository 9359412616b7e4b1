// SPDX-License-Identifier: Apache-2.0
// MSL text includes this header; its types are in metal_stdlib.
#include "../metal_stdlib"
