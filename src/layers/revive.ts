import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import { GroupQueryAttention, MultiHeadAttention } from "./attention.ts";
import { Permute, RepeatVector } from "./arranging.ts";
import { Cropping, UpSampling, ZeroPadding } from "./borders.ts";
import { randomGaussianBlur, randomSharpness } from "./blurring.ts";
import * as colours from "./colours.ts";
import { ConvLSTM } from "./convlstm.ts";
import { Conv, ConvTranspose } from "./convolution.ts";
import { type Cell, GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells } from "./cells.ts";
import { elu, leakyRelu, prelu, relu, softmax } from "./curves.ts";
import { Dense } from "./dense.ts";
import { Discretization } from "./discretization.ts";
import { Dropout } from "./dropout.ts";
import { randomElasticTransform } from "./elastic.ts";
import { EinsumDense } from "./einsum.ts";
import { Embedding, ReversibleEmbedding } from "./embedding.ts";
import { contrastLimitedAdaptiveHistogramEqualization, equalization } from "./equalizing.ts";
import { GroupNormalization, RMSNormalization, UnitNormalization } from "./groupnorm.ts";
import { HashedCrossing, Hashing } from "./hashing.ts";
import { ActivityRegularization, identity } from "./lambda.ts";
import type { Layer } from "./layer.ts";
import { IntegerLookup, StringLookup } from "./lookup.ts";
import { BatchNormalization, LayerNormalization } from "./normalization.ts";
import { cutMix, mixUp, randomErasing } from "./mixing.ts";
import { Operation } from "./operation.ts";
import { Concatenate, Dot, Merge } from "./merging.ts";
import { AdditiveAttention, Attention } from "./scoring.ts";
import { alphaDropout, gaussianDropout, gaussianNoise, SpatialDropout } from "./noise.ts";
import { Pipeline } from "./pipeline.ts";
import { augMix, randAugment } from "./policies.ts";
import { AdaptivePooling, GlobalPooling, Pooling } from "./pooling.ts";
import { PositionEmbedding, RotaryEmbedding, SinePositionEncoding, TokenAndPositionEmbedding } from "./positions.ts";
import { CategoryEncoding, Normalization, Rescaling } from "./preprocessing.ts";
import { GRU, LSTM, RNN, SimpleRNN } from "./recurrent.ts";
import * as tones from "./tones.ts";
import { randomFlip, randomPerspective, randomRotation, randomShear, randomTranslation, randomZoom } from "./warping.ts";
import { Bidirectional, Masking, TimeDistributed } from "./wrappers.ts";
import { Activation, Flatten, InputLayer, Reshape } from "./reshaping.ts";
import { centerCrop, randomCrop, resizing } from "./resizing.ts";
import { DepthwiseConv, SeparableConv } from "./separable.ts";
import { SpectralNormalization } from "./spectral.ts";
import { MelSpectrogram, STFTSpectrogram } from "./spectrogram.ts";
import { TextVectorization } from "./text.ts";

/** A layer as plain data. */
export interface LayerConfig {
  readonly className: string;
  readonly config: Record<string, unknown>;
}

const makers: Record<string, (config: any) => Layer> = {
  Activation: (config) => new Activation(config),
  AdditiveAttention: (config) => new AdditiveAttention(config),
  Add: (config) => new Merge("Add", config),
  Attention: (config) => new Attention(config),
  Average: (config) => new Merge("Average", config),
  Bidirectional: ({ layer, backwardLayer, ...config }) =>
    new Bidirectional({ ...config, layer: revive("Bidirectional", layer), backwardLayer: backwardLayer && revive("Bidirectional", backwardLayer) }),
  BatchNormalization: (config) => new BatchNormalization(config),
  Concatenate: (config) => new Concatenate(config),
  ActivityRegularization: (config) => new ActivityRegularization(config),
  AlphaDropout: alphaDropout,
  CenterCrop: centerCrop,
  CategoryEncoding: (config) => new CategoryEncoding(config),
  Dense: (config) => new Dense(config),
  Dot: (config) => new Dot(config),
  Discretization: (config) => new Discretization(config),
  Dropout: (config) => new Dropout(config),
  ELU: elu,
  EinsumDense: (config) => new EinsumDense(config),
  Embedding: (config) => new Embedding(config),
  Flatten: (config) => new Flatten(config),
  GRU: (config) => new GRU(config),
  GRUCell: (config) => new GRUCell(config),
  GroupedQueryAttention: (config) => new GroupQueryAttention(config),
  GaussianDropout: gaussianDropout,
  GaussianNoise: gaussianNoise,
  GroupNormalization: (config) => new GroupNormalization(config),
  HashedCrossing: (config) => new HashedCrossing(config),
  Hashing: (config) => new Hashing(config),
  Identity: identity,
  InputLayer: (config) => new InputLayer(config),
  IntegerLookup: (config) => new IntegerLookup(config),
  LSTM: (config) => new LSTM(config),
  LSTMCell: (config) => new LSTMCell(config),
  LayerNormalization: (config) => new LayerNormalization(config),
  LeakyReLU: leakyRelu,
  Masking: (config) => new Masking(config),
  Maximum: (config) => new Merge("Maximum", config),
  Minimum: (config) => new Merge("Minimum", config),
  MelSpectrogram: (config) => new MelSpectrogram(config),
  MultiHeadAttention: (config) => new MultiHeadAttention(config),
  Multiply: (config) => new Merge("Multiply", config),
  Operation: (config) => new Operation(config),
  Normalization: (config) => new Normalization(config),
  PReLU: prelu,
  Pipeline: ({ layers, ...config }) => new Pipeline({ ...config, layers: layers.map((layer: LayerConfig) => revive("Pipeline", layer)) }),
  Permute: (config) => new Permute(config),
  RMSNormalization: (config) => new RMSNormalization(config),
  RandomCrop: randomCrop,
  PositionEmbedding: (config) => new PositionEmbedding(config),
  ReversibleEmbedding: (config) => new ReversibleEmbedding(config),
  RotaryEmbedding: (config) => new RotaryEmbedding(config),
  SinePositionEncoding: (config) => new SinePositionEncoding(config),
  TokenAndPositionEmbedding: (config) => new TokenAndPositionEmbedding(config),
  RNN: ({ cell, ...config }) => new RNN({ ...config, cell: revive("RNN", cell) as Cell }),
  ReLU: relu,
  RepeatVector: (config) => new RepeatVector(config),
  Rescaling: (config) => new Rescaling(config),
  Resizing: resizing,
  Reshape: (config) => new Reshape(config),
  SimpleRNN: (config) => new SimpleRNN(config),
  SimpleRNNCell: (config) => new SimpleRNNCell(config),
  Softmax: softmax,
  StackedRNNCells: ({ cells, ...config }) => new StackedRNNCells({ ...config, cells: cells.map((cell: LayerConfig) => revive("StackedRNNCells", cell)) }),
  STFTSpectrogram: (config) => new STFTSpectrogram(config),
  StringLookup: (config) => new StringLookup(config),
  Subtract: (config) => new Merge("Subtract", config),
  SpectralNormalization: (config) => new SpectralNormalization({ ...config, layer: revive("SpectralNormalization", config.layer) as Layer }),
  TextVectorization: (config) => new TextVectorization(config),
  UnitNormalization: (config) => new UnitNormalization(config),
  TimeDistributed: ({ layer, ...config }) => new TimeDistributed({ ...config, layer: revive("TimeDistributed", layer) }),
};

// What changes images by chance is made by functions of one name with its kind of layer.
const changes = {
  ...{ ...tones, ...colours, augMix, contrastLimitedAdaptiveHistogramEqualization, cutMix, equalization, mixUp, randAugment, randomElasticTransform },
  ...{ randomErasing, randomFlip, randomGaussianBlur, randomPerspective, randomRotation, randomSharpness, randomShear, randomTranslation, randomZoom },
};
for (const [name, make] of Object.entries(changes)) makers[`${name[0]!.toUpperCase()}${name.slice(1)}`] = make as (config: any) => Layer;

/** What a family of layers, alike for each number of spatial axes, is made by: `Conv1D`, `Conv2D`, `Conv3D`. */
function family(name: string, make: (rank: 1 | 2 | 3, config: any) => Layer, ranks: readonly (1 | 2 | 3)[] = [1, 2, 3]): void {
  for (const rank of ranks) makers[name.replace("#", `${rank}D`)] = (config) => make(rank, config);
}

for (const mode of ["Max", "Average"] as const) {
  family(`${mode}Pooling#`, (rank, config) => new Pooling(mode, rank, config));
  family(`Global${mode}Pooling#`, (rank, config) => new GlobalPooling(mode, rank, config));
  family(`Adaptive${mode}Pooling#`, (rank, config) => new AdaptivePooling(mode, rank, config));
}
family("Conv#", (rank, config) => new Conv(rank, config));
family("Conv#Transpose", (rank, config) => new ConvTranspose(rank, config));
family("ConvLSTM#", (rank, config) => new ConvLSTM(rank, config));
family("Cropping#", (rank, config) => new Cropping(rank, config));
family("DepthwiseConv#", (rank, config) => new DepthwiseConv(rank as 1 | 2, config), [1, 2]);
family("SeparableConv#", (rank, config) => new SeparableConv(rank as 1 | 2, config), [1, 2]);
family("SpatialDropout#", (rank, config) => new SpatialDropout(rank, config));
family("UpSampling#", (rank, config) => new UpSampling(rank, config));
family("ZeroPadding#", (rank, config) => new ZeroPadding(rank, config));

/**
 * Makes a kind of layer of your own known, so that models with it can be loaded: `className` as the layer was made with, and what makes it of its `getConfig()`.
 * @throws a `name` error when there is such a kind already
 * @example
 * ```ts
 * class Scale extends Layer {
 *   constructor(options: LayerOptions & { by: number }) { super("Scale", options); this.by = options.by; }
 *   call(x: Tensor) { return x.mul(this.by); }
 * }
 * registerLayer("Scale", (config) => new Scale(config));
 * ```
 */
export function registerLayer(className: string, make: (config: any) => Layer): void {
  if (Object.hasOwn(makers, className))
    throw new CambiumError("name", "registerLayer", `there is a layer "${className}" already`, "give the class another name");
  makers[className] = make;
}

/**
 * The layer that plain data describes, not yet built.
 * @throws a `name` error for a kind of layer there is none of
 */
export function revive(where: string, { className, config }: LayerConfig): Layer {
  if (typeof className !== "string" || typeof config !== "object" || config === null)
    throw new CambiumError("file", where, `a layer is described by ${JSON.stringify({ className, config })}; that should be { className, config }`);
  if (!Object.hasOwn(makers, className)) throw unknownLayer(where, className);
  return makers[className]!(config);
}

function unknownLayer(where: string, className: string): CambiumError {
  const { code, message } = unknownName(where, "layer", className, Object.keys(makers));
  const [problem, hint] = message.slice(where.length + 2).split("\n  hint: ");
  return new CambiumError(code, where, problem!, `${hint}; for one of your own: registerLayer("${className}", (config) => new ${className}(config))`);
}
