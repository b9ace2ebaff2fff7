/** The door for programs in PyTorch's style: `import { nn } from "cambium"`. */
export { Module } from "../module/module.ts";
export { parameter } from "../module/parameter.ts";
export type { StateDict } from "../module/state.ts";
export * from "./activation.ts";
export { AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, type OutputSize } from "./adaptive.ts";
export { type AttendOptions, type AttentionOptions, MultiheadAttention, type MultiheadAttentionOptions, scaledDotProductAttention } from "./attention.ts";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./batchnorm.ts";
export { KeyValueCache, type KeyValueCacheOptions, type Remembered } from "./cache.ts";
export { ModuleDict, ModuleList, Sequential } from "./containers.ts";
export { Conv1d, Conv2d, Conv3d, type ConvOptions } from "./conv.ts";
export { Dropout, Dropout1d, Dropout2d } from "./dropout.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { GLU, PReLU, Threshold } from "./gated.ts";
export * as init from "./init.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm, type LayerNormOptions, RMSNorm } from "./norm.ts";
export { AvgPool1d, AvgPool2d, type AvgPoolOptions, MaxPool1d, MaxPool2d, type MaxPoolOptions } from "./pool.ts";
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
export * from "../losses/modules.ts";
