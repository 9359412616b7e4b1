// RUN: torsh-opt %s '-torsh-form-groups=choices=exp->tanh=never' | FileCheck %s --check-prefix=NEVER
// RUN: torsh-opt %s '-torsh-form-groups=strategy=none choices=exp->tanh=always' | FileCheck %s --check-prefix=ALWAYS
// RUN: torsh-opt %s '-torsh-form-groups=strategy=custom choices=*->*=always,tanh->sum=never' | FileCheck %s --check-prefix=CUSTOM
// RUN: torsh-opt %s '-torsh-form-groups=strategy=custom' | FileCheck %s --check-prefix=NOTHING
// RUN: not torsh-opt %s '-torsh-form-groups=choices=exp->tanh' 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not torsh-opt %s '-torsh-form-groups=choices=exp->tan_h=never' 2>&1 | FileCheck %s --check-prefix=NAME

// FORM: error: a fusion rule is producer->consumer=never or =always, got 'exp->tanh'
// NAME: error: a fusion rule names 'tan_h', and there is no operation torsh.tan_h

// NEVER: module attributes {{.*}}a fusion rule of the program keeps them apart
// NEVER: torsh.exp {{.*}}torsh.group = 0
// NEVER: torsh.tanh {{.*}}torsh.group = 1
// NEVER: torsh.sum {{.*}}torsh.group = 1
// ALWAYS: torsh.exp {{.*}}torsh.group = 0
// ALWAYS: torsh.tanh {{.*}}torsh.group = 0
// ALWAYS: torsh.sum {{.*}}torsh.group = 1
// CUSTOM: torsh.exp {{.*}}torsh.group = 0
// CUSTOM: torsh.tanh {{.*}}torsh.group = 0
// CUSTOM: torsh.sum {{.*}}torsh.group = 1
// NOTHING: torsh.exp {{.*}}torsh.group = 0
// NOTHING: torsh.tanh {{.*}}torsh.group = 1
// NOTHING: torsh.sum {{.*}}torsh.group = 2
func.func @chain(%x: tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = torsh.exp %x : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %1 = torsh.tanh %0 : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %2 = torsh.sum %1 {axes = array<i64: 1>} : (tensor<8x16xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}
