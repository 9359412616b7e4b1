// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @relu
// CHECK: arith.maximumf %{{.*}}, %{{.*}} : f32
torsh.kernel @relu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func @sigmoid
// CHECK: %[[NEG:.+]] = arith.negf
// CHECK: %[[EXP:.+]] = math.exp %[[NEG]]
// CHECK: %[[SUM:.+]] = arith.addf %{{.*}}, %[[EXP]]
// CHECK: arith.divf %{{.*}}, %[[SUM]]
torsh.kernel @sigmoid(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.sigmoid %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func @silu
// CHECK: ^bb0(%[[X:.+]]: f32, %{{.*}}: f32):
// CHECK: math.exp
// CHECK: %[[SUM:.+]] = arith.addf
// CHECK: arith.divf %[[X]], %[[SUM]]
torsh.kernel @silu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.silu %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// The exact form by the error function, the other by a hyperbolic tangent.
// CHECK-LABEL: func.func @gelu
// CHECK: math.erf
// CHECK: linalg.generic
// CHECK-NOT: math.erf
// CHECK: math.tanh
torsh.kernel @gelu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.gelu %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.gelu %0 {approximate = #torsh.gelu_approximation<tanh>} : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %1 : tensor<8xf32>
}

// max(x, 0) + log1p(exp(-|x|)) does not overflow.
// CHECK-LABEL: func.func @softplus
// CHECK: math.absf
// CHECK: arith.negf
// CHECK: %[[EXP:.+]] = math.exp
// CHECK: %[[MAX:.+]] = arith.maximumf
// CHECK: %[[LOG:.+]] = math.log1p %[[EXP]]
// CHECK: arith.addf %[[MAX]], %[[LOG]]
torsh.kernel @softplus(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.softplus %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// The slope is a constant of the element type.
// CHECK-LABEL: func.func @leaky_relu
// CHECK: ^bb0(%[[X:.+]]: f64, %{{.*}}: f64):
// CHECK: %[[POSITIVE:.+]] = arith.cmpf ogt, %[[X]]
// CHECK: %[[SLOPE:.+]] = arith.constant 2.000000e-01 : f64
// CHECK: %[[SCALED:.+]] = arith.mulf %[[X]], %[[SLOPE]]
// CHECK: arith.select %[[POSITIVE]], %[[X]], %[[SCALED]]
torsh.kernel @leaky_relu(%x: tensor<8xf64>) -> tensor<8xf64> {
  %0 = torsh.leaky_relu %x {negative_slope = 0.2 : f64} : (tensor<8xf64>) -> tensor<8xf64>
  torsh.return %0 : tensor<8xf64>
}

// CHECK-LABEL: func.func @elu
// CHECK: %[[POSITIVE:.+]] = arith.cmpf ogt
// CHECK: %[[EXPM1:.+]] = math.expm1
// CHECK: %[[ALPHA:.+]] = arith.constant 5.000000e-01 : f32
// CHECK: %[[SCALED:.+]] = arith.mulf %[[EXPM1]], %[[ALPHA]]
// CHECK: arith.select %[[POSITIVE]], %{{.*}}, %[[SCALED]]
torsh.kernel @elu(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.elu %x {alpha = 0.5 : f64} : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func @hard
// CHECK: %[[LOW:.+]] = arith.maximumf
// CHECK: %[[CLAMPED:.+]] = arith.minimumf %[[LOW]]
// CHECK: arith.divf %[[CLAMPED]]
// CHECK: linalg.generic
// CHECK: ^bb0(%[[X:.+]]: f32, %{{.*}}: f32):
// CHECK: arith.minimumf
// CHECK: %[[HARD:.+]] = arith.divf
// CHECK: arith.mulf %[[X]], %[[HARD]]
torsh.kernel @hard(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.hardsigmoid %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.hardswish %0 : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %1 : tensor<8xf32>
}

// f16 is computed in f32 and rounded once.
// CHECK-LABEL: func.func @half
// CHECK: ^bb0(%[[X:.+]]: f16, %{{.*}}: f16):
// CHECK: %[[WIDE:.+]] = arith.extf %[[X]] : f16 to f32
// CHECK: %[[TANH:.+]] = math.tanh %[[WIDE]] : f32
// CHECK: arith.truncf %[[TANH]] : f32 to f16
torsh.kernel @half(%x: tensor<8xf16>) -> tensor<8xf16> {
  %0 = torsh.tanh %x : (tensor<8xf16>) -> tensor<8xf16>
  torsh.return %0 : tensor<8xf16>
}
