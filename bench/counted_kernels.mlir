// The kernels whose instructions `python -m bench.instruction_counts` counts: one of each kind, large
// enough that their loops outweigh what surrounds them.
func.func @main(%matrix: tensor<96x128xf32>, %weight: tensor<128x96xf32>, %bias: tensor<96xf32>,
                %rows: tensor<64x256xf32>, %image: tensor<1x16x14x14xf32>,
                %filter: tensor<16x16x3x3xf32>, %vector: tensor<1x512xf32>,
                %wide: tensor<512x128xf32>) ->
    (tensor<96x96xf32>, tensor<64x256xf32>, tensor<256xf32>, tensor<256x64xf32>,
     tensor<1x16x14x14xf32>, tensor<1x128xf32>, tensor<64x256xf32>) {
  %0 = torsh.matmul %matrix, %weight : (tensor<96x128xf32>, tensor<128x96xf32>) -> tensor<96x96xf32>
  %1 = torsh.add %0, %bias : (tensor<96x96xf32>, tensor<96xf32>) -> tensor<96x96xf32>
  %2 = torsh.tanh %1 : (tensor<96x96xf32>) -> tensor<96x96xf32>
  %3 = torsh.softmax %rows {axis = 1 : i64} : (tensor<64x256xf32>) -> tensor<64x256xf32>
  %4 = torsh.sum %rows {axes = array<i64: 0>} : (tensor<64x256xf32>) -> tensor<256xf32>
  %5 = torsh.permute %rows {permutation = array<i64: 1, 0>} : (tensor<64x256xf32>) -> tensor<256x64xf32>
  %6 = torsh.conv %image, %filter {dilation = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, stride = array<i64: 1, 1>} : (tensor<1x16x14x14xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x14x14xf32>
  %7 = torsh.matmul %vector, %wide : (tensor<1x512xf32>, tensor<512x128xf32>) -> tensor<1x128xf32>
  %8 = torsh.exp %rows : (tensor<64x256xf32>) -> tensor<64x256xf32>
  %9 = torsh.mul %8, %rows : (tensor<64x256xf32>, tensor<64x256xf32>) -> tensor<64x256xf32>
  return %2, %3, %4, %5, %6, %7, %9 : tensor<96x96xf32>, tensor<64x256xf32>, tensor<256xf32>, tensor<256x64xf32>, tensor<1x16x14x14xf32>, tensor<1x128xf32>, tensor<64x256xf32>
}
