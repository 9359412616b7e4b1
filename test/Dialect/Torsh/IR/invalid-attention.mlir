// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @types(%q: tensor<5x8xf32>, %k: tensor<7x8xf64>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: query, key and value must have one element type}}
  %0 = "torsh.attention"(%q, %k, %k) {scale = 1.0} : (tensor<5x8xf32>, tensor<7x8xf64>, tensor<7x8xf64>) -> tensor<5x8xf32>
}

// -----

func.func @ranks(%q: tensor<2x5x8xf32>, %k: tensor<7x8xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: query, key and value must have one rank of 2 or more, got 3, 2 and 2}}
  %0 = "torsh.attention"(%q, %k, %k) {scale = 1.0} : (tensor<2x5x8xf32>, tensor<7x8xf32>, tensor<7x8xf32>) -> tensor<2x5x8xf32>
}

// -----

func.func @features(%q: tensor<5x8xf32>, %k: tensor<7x9xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: query has 8 features and key 9}}
  %0 = "torsh.attention"(%q, %k, %k) {scale = 1.0} : (tensor<5x8xf32>, tensor<7x9xf32>, tensor<7x9xf32>) -> tensor<5x9xf32>
}

// -----

func.func @keys(%q: tensor<5x8xf32>, %k: tensor<7x8xf32>, %v: tensor<6x8xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: there are 7 keys and 6 values}}
  %0 = "torsh.attention"(%q, %k, %v) {scale = 1.0} : (tensor<5x8xf32>, tensor<7x8xf32>, tensor<6x8xf32>) -> tensor<5x8xf32>
}

// -----

func.func @heads(%q: tensor<4x5x8xf32>, %k: tensor<3x7x8xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: leading extent 3 of key or value does not fit the query's 4}}
  %0 = "torsh.attention"(%q, %k, %k) {scale = 1.0} : (tensor<4x5x8xf32>, tensor<3x7x8xf32>, tensor<3x7x8xf32>) -> tensor<4x5x8xf32>
}

// -----

func.func @axes(%q: tensor<5x8xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: axes must be a permutation of 2 axes}}
  %0 = "torsh.attention"(%q, %q, %q) {scale = 1.0, key_axes = array<i64: 0, 0>} : (tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>) -> tensor<5x8xf32>
}

// -----

func.func @mask_type(%q: tensor<5x8xf32>, %m: tensor<5x5xf64>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: mask must be of bools, or have the element type of the query or f32}}
  %0 = "torsh.attention"(%q, %q, %q, %m) {scale = 1.0} : (tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x5xf64>) -> tensor<5x8xf32>
}

// -----

func.func @mask_shape(%q: tensor<5x8xf32>, %m: tensor<4x5xi1>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{torsh.attention: mask does not broadcast to the scores: 4 against 5}}
  %0 = "torsh.attention"(%q, %q, %q, %m) {scale = 1.0} : (tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>, tensor<4x5xi1>) -> tensor<5x8xf32>
}
