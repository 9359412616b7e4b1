# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501
"""The programs that are mangled: of torsh, of MLIR's own dialects, and in the generic form."""

from __future__ import annotations

from upstream_structured_cases import CASES

TORSH = """
func.func @main(%x: tensor<2x6xf32>, %w: tensor<6x4xf32>, %b: tensor<4xf32>, %n: tensor<3xi64>) -> (tensor<2x4xf32>, tensor<3x4xf32>, tensor<2xi64>) {
  %0 = torsh.matmul %x, %w : (tensor<2x6xf32>, tensor<6x4xf32>) -> tensor<2x4xf32>
  %1 = torsh.add %0, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %2 = torsh.gelu %1 {approximate = #torsh.gelu_approximation<tanh>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = torsh.softmax %2 {axis = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %4 = torsh.gather %w at (%n) {axes = array<i64: 0>} : (tensor<6x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %5 = torsh.slice %3 {start = array<i64: 0, 1>, stop = array<i64: 2, 4>, stride = array<i64: 1, 2>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  %6 = torsh.argmax %5 {axis = 1 : i64} : (tensor<2x2xf32>) -> tensor<2xi64>
  %7 = torsh.constant dense<[[0.5], [-1.0]]> : tensor<2x1xf32>
  %8 = torsh.mul %3, %7 : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %8, %4, %6 : tensor<2x4xf32>, tensor<3x4xf32>, tensor<2xi64>
}
"""

DYNAMIC = """
func.func @main(%x: tensor<?x4xf32>, %y: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?x4xf32>
  %0 = torsh.iota sizes(%d) {axis = 0 : i64} : tensor<?x4xf32>
  %1 = torsh.add %x, %0 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = torsh.layer_norm %1 weight(%y) {num_axes = 1 : i64, eps = 1.0e-5 : f64}
      : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %3 = torsh.sum %2 {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?xf32>
  return %2, %3 : tensor<?x4xf32>, tensor<?xf32>
}
"""

GENERIC = """
"builtin.module"() ({
  "func.func"() <{function_type = (tensor<2x6xf32>, tensor<6x4xf32>, tensor<4xf32>, tensor<3xi64>) -> (tensor<2x4xf32>, tensor<3x4xf32>, tensor<2xi64>), sym_name = "main"}> ({
  ^bb0(%arg0: tensor<2x6xf32>, %arg1: tensor<6x4xf32>, %arg2: tensor<4xf32>, %arg3: tensor<3xi64>):
    %0 = "torsh.matmul"(%arg0, %arg1) : (tensor<2x6xf32>, tensor<6x4xf32>) -> tensor<2x4xf32>
    %1 = "torsh.add"(%0, %arg2) : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    %2 = "torsh.gelu"(%1) <{approximate = #torsh.gelu_approximation<tanh>}> : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %3 = "torsh.softmax"(%2) <{axis = 1 : i64}> : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %4 = "torsh.gather"(%arg1, %arg3) <{axes = array<i64: 0>}> : (tensor<6x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
    %5 = "torsh.slice"(%3) <{start = array<i64: 0, 1>, stop = array<i64: 2, 4>, stride = array<i64: 1, 2>}> : (tensor<2x4xf32>) -> tensor<2x2xf32>
    %6 = "torsh.argmax"(%5) <{axis = 1 : i64, keepdims = false}> : (tensor<2x2xf32>) -> tensor<2xi64>
    %7 = "torsh.constant"() <{value = dense<[[5.000000e-01], [-1.000000e+00]]> : tensor<2x1xf32>}> : () -> tensor<2x1xf32>
    %8 = "torsh.mul"(%3, %7) : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
    "func.return"(%8, %4, %6) : (tensor<2x4xf32>, tensor<3x4xf32>, tensor<2xi64>) -> ()
  }) : () -> ()
}) : () -> ()

"""

#: (kind, text)
PROGRAMS = [
    ("torsh", TORSH),
    ("torsh", DYNAMIC),
    ("generic", GENERIC),
    *(("upstream", case.text) for case in CASES),
]
