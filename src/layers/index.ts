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
export { Conv, conv1d, conv2d, type ConvOptions } from "./convolution.ts";
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
export { Dropout, dropout, type DropoutOptions } from "./dropout.ts";
export { Embedding, embedding, type EmbeddingOptions } from "./embedding.ts";
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
export {
  averagePooling1d,
  averagePooling2d,
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  GlobalPooling,
  type GlobalPoolingOptions,
  maxPooling1d,
  maxPooling2d,
  Pooling,
  type PoolingOptions,
} from "./pooling.ts";
export {
  Activation,
  activation,
  type ActivationOptions,
  Flatten,
  flatten,
  input,
  InputLayer,
  inputLayer,
  Reshape,
  reshape,
  type ReshapeOptions,
} from "./reshaping.ts";
export { AdditiveAttention, additiveAttention, Attention, attention, type AttentionOptions, type ScoringCall, type ScoringOptions } from "./scoring.ts";
