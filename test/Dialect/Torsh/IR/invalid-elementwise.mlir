// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.add: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.add' op failed to infer returned types}}
  %0 = torsh.add %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.sub: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.sub' op failed to infer returned types}}
  %0 = torsh.sub %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.mul: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.mul' op failed to infer returned types}}
  %0 = torsh.mul %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.floor_divide: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.floor_divide' op failed to infer returned types}}
  %0 = torsh.floor_divide %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.remainder: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.remainder' op failed to infer returned types}}
  %0 = torsh.remainder %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.pow: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.pow' op failed to infer returned types}}
  %0 = torsh.pow %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.maximum: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.maximum' op failed to infer returned types}}
  %0 = torsh.maximum %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.minimum: operands must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.minimum' op failed to infer returned types}}
  %0 = torsh.minimum %x, %y : (tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<4xf32>) {
  // expected-error @+2 {{torsh.add: shapes do not broadcast: 'tensor<8xf32>' and 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.add' op failed to infer returned types}}
  %0 = torsh.add %x, %y : (tensor<8xf32>, tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<4xf32>) {
  // expected-error @+2 {{torsh.div: shapes do not broadcast: 'tensor<8xf32>' and 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.div' op failed to infer returned types}}
  %0 = torsh.div %x, %y : (tensor<8xf32>, tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<4xf32>) {
  // expected-error @+2 {{torsh.atan2: shapes do not broadcast: 'tensor<8xf32>' and 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.atan2' op failed to infer returned types}}
  %0 = torsh.atan2 %x, %y : (tensor<8xf32>, tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.sqrt' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.sqrt %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.rsqrt' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.rsqrt %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.reciprocal' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.reciprocal %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.exp' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.exp %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.expm1' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.expm1 %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.log' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.log %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.log1p' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.log1p %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.sin' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.sin %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.cos' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.cos %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.tanh' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.tanh %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.erf' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.erf %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.floor' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.floor %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.ceil' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.ceil %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.trunc' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.trunc %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.round' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.round %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.sigmoid' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.sigmoid %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.silu' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.silu %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.gelu' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.gelu %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.softplus' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.softplus %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.leaky_relu' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.leaky_relu %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.elu' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.elu %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.hardsigmoid' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.hardsigmoid %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.hardswish' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.hardswish %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi32>) {
  // expected-error @+1 {{'torsh.isnan' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xi32>'}}
  %0 = torsh.isnan %x : (tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @invalid(%x: tensor<8xi1>) {
  // expected-error @+1 {{'torsh.neg' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) or integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) values, but got 'tensor<8xi1>'}}
  %0 = torsh.neg %x : (tensor<8xi1>) -> tensor<8xi1>
  return
}

// -----

func.func @invalid(%x: tensor<8xi1>) {
  // expected-error @+1 {{'torsh.abs' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) or integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) values, but got 'tensor<8xi1>'}}
  %0 = torsh.abs %x : (tensor<8xi1>) -> tensor<8xi1>
  return
}

// -----

func.func @invalid(%x: tensor<8xi1>) {
  // expected-error @+1 {{'torsh.sign' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) or integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) values, but got 'tensor<8xi1>'}}
  %0 = torsh.sign %x : (tensor<8xi1>) -> tensor<8xi1>
  return
}

// -----

func.func @invalid(%x: tensor<8xi1>) {
  // expected-error @+1 {{'torsh.relu' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) or integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) values, but got 'tensor<8xi1>'}}
  %0 = torsh.relu %x : (tensor<8xi1>) -> tensor<8xi1>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+1 {{'torsh.and' op operand #0 must be ranked tensor of integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) or bool (i1) values, but got 'tensor<8xf32>'}}
  %0 = torsh.and %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+1 {{'torsh.or' op operand #0 must be ranked tensor of integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) or bool (i1) values, but got 'tensor<8xf32>'}}
  %0 = torsh.or %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+1 {{'torsh.xor' op operand #0 must be ranked tensor of integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) or bool (i1) values, but got 'tensor<8xf32>'}}
  %0 = torsh.xor %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+1 {{'torsh.not' op operand #0 must be ranked tensor of integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) or bool (i1) values, but got 'tensor<8xf32>'}}
  %0 = torsh.not %x : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+1 {{'torsh.compare' op result #0 must be ranked tensor of bool (i1) values, but got 'tensor<8xf32>'}}
  %0 = torsh.compare lt, %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>, %y: tensor<8xf64>) {
  // expected-error @+2 {{torsh.compare: operands must have one element type, got 'f32' and 'f64'}}
  // expected-error @+1 {{'torsh.compare' op failed to infer returned types}}
  %0 = torsh.compare lt, %x, %y : (tensor<8xf32>, tensor<8xf64>) -> tensor<8xi1>
  return
}

// -----

func.func @invalid(%c: tensor<8xi1>, %x: tensor<8xf32>, %y: tensor<8xi32>) {
  // expected-error @+2 {{torsh.select: both choices must have one element type, got 'f32' and 'i32'}}
  // expected-error @+1 {{'torsh.select' op failed to infer returned types}}
  %0 = torsh.select %c, %x, %y : (tensor<8xi1>, tensor<8xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%c: tensor<3xi1>, %x: tensor<8xf32>) {
  // expected-error @+2 {{torsh.select: shapes do not broadcast: 'tensor<3xi1>', 'tensor<8xf32>' and 'tensor<8xf32>'}}
  // expected-error @+1 {{'torsh.select' op failed to infer returned types}}
  %0 = torsh.select %c, %x, %x : (tensor<3xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+1 {{'torsh.select' op operand #0 must be ranked tensor of bool (i1) values, but got 'tensor<8xf32>'}}
  %0 = torsh.select %x, %x, %x : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+2 {{'torsh.cast' op inferred type(s) 'tensor<8xi32>' are incompatible with return type(s) of operation 'tensor<8xi64>'}}
  // expected-error @+1 {{'torsh.cast' op failed to infer returned types}}
  %0 = torsh.cast %x to i32 : (tensor<8xf32>) -> tensor<8xi64>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+1 {{'torsh.cast' op result #0 must be ranked tensor of float (f16, bf16, f32, f64) or integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) or bool (i1) values, but got 'tensor<8xindex>'}}
  %0 = torsh.cast %x to index : (tensor<8xf32>) -> tensor<8xindex>
  return
}

// -----

func.func @invalid(%x: tensor<?xf32>, %y: tensor<?xf32>) {
  // expected-error @+2 {{'torsh.add' op inferred type(s) 'tensor<?xf32>' are incompatible with return type(s) of operation 'tensor<8xf32>'}}
  // expected-error @+1 {{'torsh.add' op failed to infer returned types}}
  %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<*xf32>) {
  // expected-error @+1 {{'torsh.exp' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<*xf32>'}}
  %0 = torsh.exp %x : (tensor<*xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @invalid(%x: tensor<8xf80>) {
  // expected-error @+1 {{'torsh.exp' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<8xf80>'}}
  %0 = torsh.exp %x : (tensor<8xf80>) -> tensor<8xf80>
  return
}

// -----

func.func @invalid(%x: tensor<8xf32>) {
  // expected-error @+2 {{'torsh.exp' op inferred type(s) 'tensor<8xf32>' are incompatible with return type(s) of operation 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.exp' op failed to infer returned types}}
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<4xf32>
  return
}
