/** The door for layers, by Keras' names in camel case; channels come last. */
export type { Activation as ActivationFunction, ActivationName } from "./activations.ts";
export {
  type AttentionCall,
  GroupQueryAttention,
  groupQueryAttention,
  type GroupQueryAttentionOptions,
  MultiHeadAttention,
  multiHeadAttention,
  type MultiHeadAttentionOptions,
} from "./attention.ts";
export * from "./arranging.ts";
export { Augmentation, type Factor, type Range, type Samples, type ToneOptions } from "./augmentation.ts";
export { randomGaussianBlur, type RandomGaussianBlurOptions, randomSharpness, type RandomSharpnessOptions } from "./blurring.ts";
export * from "./borders.ts";
export * from "./colours.ts";
export { type Constraint, constraints } from "./constraints.ts";
export * from "./convlstm.ts";
export {
  Conv,
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  conv3d,
  conv3dTranspose,
  type ConvOptions,
  ConvTranspose,
  type ConvTransposeOptions,
} from "./convolution.ts";
export { type CellOptions, type GateOptions, GRUCell, type GRUOptions, LSTMCell, type LSTMOptions, SimpleRNNCell, StackedRNNCells } from "./cells.ts";
export {
  GRU,
  gru,
  gruCell,
  LSTM,
  lstm,
  lstmCell,
  RNN,
  rnn,
  type SequenceOptions,
  SimpleRNN,
  simpleRNN,
  simpleRNNCell,
  stackedRNNCells,
} from "./recurrent.ts";
export { Wrapper } from "./wrapper.ts";
export {
  Bidirectional,
  bidirectional,
  type BidirectionalOptions,
  Masking,
  masking,
  type MergeMode,
  TimeDistributed,
  timeDistributed,
} from "./wrappers.ts";
export {
  Curve,
  elu,
  type ELUOptions,
  leakyRelu,
  type LeakyReLUOptions,
  PReLU,
  prelu,
  type PReLUOptions,
  relu,
  type ReLUOptions,
  softmax,
  type SoftmaxOptions,
} from "./curves.ts";
export { Dense, dense, type DenseOptions, type KernelOptions } from "./dense.ts";
export * from "./discretization.ts";
export { Dropout, dropout, type DropoutOptions } from "./dropout.ts";
export * from "./elastic.ts";
export { EinsumDense, einsumDense, type EinsumDenseOptions } from "./einsum.ts";
export * from "./equalizing.ts";
export * from "./embedding.ts";
export {
  add,
  average,
  concatenate,
  Concatenate,
  type ConcatenateOptions,
  dot,
  Dot,
  type DotOptions,
  maximum,
  Merge,
  minimum,
  multiply,
  subtract,
} from "./merging.ts";
export * from "./mixing.ts";
export { Operation, type OperationOptions } from "./operation.ts";
export { registerLayer } from "./revive.ts";
export { SymbolicTensor } from "./symbolic.ts";
export { type Initializer, Layer, type LayerOptions } from "./layer.ts";
export {
  BatchNormalization,
  batchNormalization,
  type BatchNormalizationOptions,
  LayerNormalization,
  layerNormalization,
  type LayerNormalizationOptions,
  type NormalizationOptions,
} from "./normalization.ts";
export * from "./groupnorm.ts";
export { HashedCrossing, hashedCrossing, type HashedCrossingOptions, Hashing, hashing, type HashingOptions } from "./hashing.ts";
export * from "./lambda.ts";
export {
  alphaDropout,
  gaussianDropout,
  gaussianNoise,
  type GaussianNoiseOptions,
  Noise,
  type RateOptions,
  SpatialDropout,
  spatialDropout1d,
  spatialDropout2d,
  spatialDropout3d,
} from "./noise.ts";
export { IntegerLookup, integerLookup, type LookupOptions, StringLookup, stringLookup } from "./lookup.ts";
export { Pipeline, pipeline, type PipelineOptions } from "./pipeline.ts";
export * from "./policies.ts";
export * from "./pooling.ts";
export {
  type PositionCall,
  PositionEmbedding,
  positionEmbedding,
  type PositionEmbeddingOptions,
  RotaryEmbedding,
  rotaryEmbedding,
  type RotaryOptions,
  SinePositionEncoding,
  sinePositionEncoding,
  type SinePositionOptions,
  TokenAndPositionEmbedding,
  tokenAndPositionEmbedding,
  type TokenAndPositionOptions,
} from "./positions.ts";
export * from "./preprocessing.ts";
export {
  Activation,
  activation,
  type ActivationOptions,
  Flatten,
  flatten,
  input,
  InputLayer,
  inputLayer,
  type InputOptions,
  Reshape,
  reshape,
  type ReshapeOptions,
} from "./reshaping.ts";
export type { Interpolation } from "./resampling.ts";
export * from "./resizing.ts";
export { AdditiveAttention, additiveAttention, Attention, attention, type AttentionOptions, type ScoringCall, type ScoringOptions } from "./scoring.ts";
export {
  DepthwiseConv,
  depthwiseConv1d,
  depthwiseConv2d,
  type DepthwiseConvOptions,
  SeparableConv,
  separableConv1d,
  separableConv2d,
  type SeparableConvOptions,
} from "./separable.ts";
export * from "./spectral.ts";
export * from "./spectrogram.ts";
export { TextVectorization, textVectorization, type TextVectorizationOptions } from "./text.ts";
export * from "./tones.ts";
export {
  type FillMode,
  randomFlip,
  type RandomFlipOptions,
  type RandomMoveOptions,
  randomPerspective,
  type RandomPerspectiveOptions,
  randomRotation,
  type RandomRotationOptions,
  randomShear,
  type RandomShearOptions,
  randomTranslation,
  randomZoom,
  type RandomZoomOptions,
  type WarpOptions,
} from "./warping.ts";
export type { Words } from "./words.ts";
