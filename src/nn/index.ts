/** The door for programs in PyTorch's style: `import { nn } from "cambium"`. */
export { Module } from "../module/module.ts";
export { parameter } from "../module/parameter.ts";
export type { StateDict } from "../module/state.ts";
export * from "./activation.ts";
export { type AttentionOptions, MultiheadAttention, type MultiheadAttentionOptions, scaledDotProductAttention } from "./attention.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  type AdaptiveMaxPoolOptions,
  type OutputSize,
} from "./adaptive.ts";
export { AdaptiveLogSoftmaxWithLoss, type AdaptiveLogSoftmaxOptions } from "./adaptivesoftmax.ts";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./batchnorm.ts";
export { KeyValueCache, type KeyValueCacheOptions, type Remembered } from "./cache.ts";
export { Bilinear } from "./bilinear.ts";
export { GRUCell, LSTMCell, RNNCell, type RNNCellOptions } from "./cells.ts";
export { ModuleDict, ModuleList, Sequential } from "./containers.ts";
export { Conv1d, Conv2d, Conv3d, type ConvOptions } from "./conv.ts";
export { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, type ConvTransposeOptions } from "./convtranspose.ts";
export { CosineSimilarity, PairwiseDistance } from "./distance.ts";
export { AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout } from "./dropout.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { EmbeddingBag, type EmbeddingBagOptions } from "./embeddingbag.ts";
export { Fold, type FoldOptions, Unfold } from "./fold.ts";
export { FractionalMaxPool2d, FractionalMaxPool3d, type FractionalMaxPoolOptions } from "./fractional.ts";
export { GLU, PReLU, RReLU, Threshold } from "./gated.ts";
export { type GroupedAttendOptions, GroupedQueryAttention, type GroupedQueryAttentionOptions } from "./groupedattention.ts";
export * as functional from "./functional/index.ts";
export type { AttendOptions } from "./heads.ts";
export * as init from "./init.ts";
export * from "./lazy.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, type InstanceNormOptions } from "./instancenorm.ts";
export { CrossMapLRN2d, GroupNorm, LayerNorm, type LayerNormOptions, LocalResponseNorm, RMSNorm } from "./norm.ts";
export {
  CircularPad1d,
  CircularPad2d,
  CircularPad3d,
  ConstantPad1d,
  ConstantPad2d,
  ConstantPad3d,
  type PadSizes,
  ReflectionPad1d,
  ReflectionPad2d,
  ReflectionPad3d,
  ReplicationPad1d,
  ReplicationPad2d,
  ReplicationPad3d,
  ZeroPad1d,
  ZeroPad2d,
  ZeroPad3d,
} from "./pad.ts";
export { ChannelShuffle, PixelShuffle, PixelUnshuffle } from "./pixels.ts";
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolOptions,
  LPPool1d,
  LPPool2d,
  LPPool3d,
  type LPPoolOptions,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPoolOptions,
} from "./pool.ts";
export {
  alibiBias,
  alibiSlopes,
  LearnedPositions,
  PositionalEncoding,
  type PositionalEncodingOptions,
  type RelativeBiasOptions,
  RelativePositionBias,
  RotaryEmbedding,
  type RotaryOptions,
  sinusoidalPositions,
} from "./positional.ts";
export { GRU, LSTM, type LSTMOptions, type RecurrentOptions, RNN, type RNNOptions } from "./recurrent.ts";
export { Flatten, Identity, Unflatten } from "./shape.ts";
export {
  type DecoderMasks,
  type EncoderLayerMasks,
  type EncoderMasks,
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
  type TransformerMasks,
  type TransformerOptions,
} from "./transformer.ts";
export { type InterpolateOptions, type InterpolationMode, Upsample, UpsamplingBilinear2d, type Upsampling2dOptions, UpsamplingNearest2d } from "./upsample.ts";
export { MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, type MaxUnpoolOptions } from "./unpool.ts";
export { ParameterDict, ParameterList } from "./parameters.ts";
export * as utils from "./weights/index.ts";
export { LinearCrossEntropyLoss, type LinearCrossEntropyLossOptions } from "../losses/linear.ts";
export * from "../losses/modules.ts";
