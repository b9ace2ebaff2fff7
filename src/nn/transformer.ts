/** The layers of "Attention is all you need", as PyTorch builds them. */
import { CambiumError } from "../base/error.ts";
import { suggest } from "../base/text.ts";
import { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { MultiheadAttention } from "./attention.ts";
import { causalMask } from "./heads.ts";
import type { KeyValueCache } from "./cache.ts";
import { Dropout } from "./dropout.ts";
import { expectCount, shown } from "./input.ts";
import { xavierUniform } from "./init.ts";
import { Linear } from "./linear.ts";
import { LayerNorm } from "./norm.ts";

export interface TransformerLayerOptions {
  /** Features between the two linear maps. Default 2048. */
  dimFeedforward?: number;
  /** Default 0.1. */
  dropout?: number;
  /** What bends the features between the linear maps. Default `"relu"`. */
  activation?: "relu" | "gelu" | ((x: Tensor) => Tensor);
  /** Added to the variance in normalisation. Default 1e-5. */
  layerNormEps?: number;
  /** Whether the batch comes before the positions. Default `false`. */
  batchFirst?: boolean;
  /** Normalises what goes into a sub-layer instead of what comes out. Default `false`. */
  normFirst?: boolean;
  /** Adds biases to all maps and normalisations. Default `true`. */
  bias?: boolean;
}

const activations: Record<string, (x: Tensor) => Tensor> = { relu: (x) => x.relu(), gelu: (x) => x.gelu() };

function bendOf(where: string, activation: TransformerLayerOptions["activation"] = "relu"): (x: Tensor) => Tensor {
  if (typeof activation === "function") return activation;
  const found = activations[activation];
  if (!found) throw new CambiumError("name", where, `there is no activation "${activation}"`, suggest(activation, Object.keys(activations)));
  return found;
}

/** Makers of a layer's parts. */
interface Parts {
  attention(): MultiheadAttention;
  widen(): Linear;
  narrow(): Linear;
  norm(): LayerNorm;
  drop(): Dropout;
}

function partsOf(dModel: number, nhead: number, options: TransformerLayerOptions): Parts {
  const { dimFeedforward = 2048, dropout = 0.1, layerNormEps: eps = 1e-5, batchFirst = false, bias = true } = options;
  return {
    attention: () => new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst }),
    widen: () => new Linear(dModel, dimFeedforward, { bias }),
    narrow: () => new Linear(dimFeedforward, dModel, { bias }),
    norm: () => new LayerNorm(dModel, { eps, bias }),
    drop: () => new Dropout(dropout),
  };
}

/** What encoder and decoder layers share: the maps behind the attention. */
abstract class TransformerLayer extends Module {
  readonly dModel: number;
  readonly nhead: number;
  readonly normFirst: boolean;
  readonly #options: TransformerLayerOptions;
  readonly #bend: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions) {
    super();
    const where = this.constructor.name;
    expectCount(where, "dModel", dModel);
    expectCount(where, "nhead", nhead);
    expectCount(where, "dimFeedforward", options.dimFeedforward ?? 2048);
    this.dModel = dModel;
    this.nhead = nhead;
    this.normFirst = options.normFirst ?? false;
    this.#options = { ...options };
    this.#bend = bendOf(where, options.activation);
  }

  abstract readonly linear1: Linear;
  abstract readonly linear2: Linear;

  protected feed(x: Tensor, inner: Dropout, outer: Dropout): Tensor {
    return outer.forward(this.linear2.forward(inner.forward(this.#bend(this.linear1.forward(x)))));
  }

  /** `x` with what `f` makes of it added, normalised before or after. */
  protected around(x: Tensor, norm: LayerNorm, f: (x: Tensor) => Tensor): Tensor {
    return this.normFirst ? x.add(f(norm.forward(x))) : norm.forward(x.add(f(x)));
  }

  /** Another layer with the same options and numbers. */
  clone(): this {
    const made = new (this.constructor as new (dModel: number, nhead: number, options: TransformerLayerOptions) => this)(
      this.dModel,
      this.nhead,
      this.#options,
    );
    made.loadStateDict(this.stateDict());
    return made.train(this.training);
  }

  protected override describe(): string {
    return `${this.dModel}, ${this.nhead}, ${shown({ normFirst: this.normFirst })}`;
  }
}

export interface EncoderMasks {
  /** [positions, positions] or [batch · heads, positions, positions]. Bool: true where a position may not look. Numbers: added to the scores. */
  mask?: Tensor | undefined;
  /** [batch, positions]. Bool: true for positions nobody may look at. */
  keyPaddingMask?: Tensor | undefined;
  /** Position i looks at positions 0 to i only. */
  isCausal?: boolean | undefined;
}

export interface EncoderLayerMasks extends EncoderMasks {
  /** Keys and values of earlier positions; then each position looks at itself and what came before. */
  cache?: KeyValueCache | undefined;
}

/**
 * Attention of a sequence to itself, then two linear maps at each position; each with dropout, a way around it and normalisation.
 * @shape [positions, batch, dModel] → the same; the batch comes first with `batchFirst`
 * @source PyTorch `nn.TransformerEncoderLayer`; Vaswani et al. (2017)
 */
export class TransformerEncoderLayer extends TransformerLayer {
  selfAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options);
    const parts = partsOf(dModel, nhead, options);
    this.selfAttn = parts.attention();
    this.linear1 = parts.widen();
    this.dropout = parts.drop();
    this.linear2 = parts.narrow();
    this.norm1 = parts.norm();
    this.norm2 = parts.norm();
    this.dropout1 = parts.drop();
    this.dropout2 = parts.drop();
  }

  forward(x: Tensor, { mask, keyPaddingMask, isCausal, cache }: EncoderLayerMasks = {}): Tensor {
    const looked = this.around(x, this.norm1, (y) =>
      this.dropout1.forward(this.selfAttn.forward(y, y, y, { attnMask: mask, keyPaddingMask, isCausal, cache, needWeights: false })[0]),
    );
    return this.around(looked, this.norm2, (y) => this.feed(y, this.dropout, this.dropout2));
  }
}

export interface DecoderMasks {
  /** As `mask` of an encoder layer, for the sequence's attention to itself. */
  tgtMask?: Tensor | undefined;
  /** [positions, memory positions]. Bool: true where a position may not look into the memory. */
  memoryMask?: Tensor | undefined;
  tgtKeyPaddingMask?: Tensor | undefined;
  memoryKeyPaddingMask?: Tensor | undefined;
  /** Position i looks at positions 0 to i only. */
  tgtIsCausal?: boolean | undefined;
  memoryIsCausal?: boolean | undefined;
}

/**
 * Attention of a sequence to itself, then to a memory, then two linear maps at each position; each with dropout, a way around it and normalisation.
 * @shape x [positions, batch, dModel], memory [memory positions, batch, dModel] → x's; the batch comes first with `batchFirst`
 * @source PyTorch `nn.TransformerDecoderLayer`; Vaswani et al. (2017)
 */
export class TransformerDecoderLayer extends TransformerLayer {
  selfAttn: MultiheadAttention;
  multiheadAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options);
    const parts = partsOf(dModel, nhead, options);
    this.selfAttn = parts.attention();
    this.multiheadAttn = parts.attention();
    this.linear1 = parts.widen();
    this.dropout = parts.drop();
    this.linear2 = parts.narrow();
    this.norm1 = parts.norm();
    this.norm2 = parts.norm();
    this.norm3 = parts.norm();
    this.dropout1 = parts.drop();
    this.dropout2 = parts.drop();
    this.dropout3 = parts.drop();
  }

  forward(x: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const { tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask, tgtIsCausal, memoryIsCausal } = masks;
    const own = { attnMask: tgtMask, keyPaddingMask: tgtKeyPaddingMask, isCausal: tgtIsCausal, needWeights: false };
    const other = { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, isCausal: memoryIsCausal, needWeights: false };
    const looked = this.around(x, this.norm1, (y) => this.dropout1.forward(this.selfAttn.forward(y, y, y, own)[0]));
    const remembered = this.around(looked, this.norm2, (y) => this.dropout2.forward(this.multiheadAttn.forward(y, memory, memory, other)[0]));
    return this.around(remembered, this.norm3, (y) => this.feed(y, this.dropout, this.dropout3));
  }
}

/** `layer` and copies of it, as many as wanted. */
function copies<L extends TransformerLayer>(where: string, layer: L, count: number): L[] {
  expectCount(where, "numLayers", count);
  return Array.from({ length: count }, () => layer.clone());
}

/**
 * Encoder layers one after another. They are copies of the layer given, so all of them start from the same numbers.
 * @shape as its layers
 * @source PyTorch `nn.TransformerEncoder`
 */
export class TransformerEncoder extends Module {
  layers: TransformerEncoderLayer[];
  norm: LayerNorm | undefined;

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, { norm }: { norm?: LayerNorm | undefined } = {}) {
    super();
    this.layers = copies("TransformerEncoder", encoderLayer, numLayers);
    this.norm = norm;
  }

  forward(x: Tensor, masks: EncoderMasks = {}): Tensor {
    const y = this.layers.reduce((y, layer) => layer.forward(y, masks), x);
    return this.norm ? this.norm.forward(y) : y;
  }
}

/**
 * Decoder layers one after another. They are copies of the layer given, so all of them start from the same numbers.
 * @shape as its layers
 * @source PyTorch `nn.TransformerDecoder`
 */
export class TransformerDecoder extends Module {
  layers: TransformerDecoderLayer[];
  norm: LayerNorm | undefined;

  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, { norm }: { norm?: LayerNorm | undefined } = {}) {
    super();
    this.layers = copies("TransformerDecoder", decoderLayer, numLayers);
    this.norm = norm;
  }

  forward(x: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const y = this.layers.reduce((y, layer) => layer.forward(y, memory, masks), x);
    return this.norm ? this.norm.forward(y) : y;
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** Features at each position. Default 512. */
  dModel?: number;
  /** Default 8. */
  nhead?: number;
  /** Default 6. */
  numEncoderLayers?: number;
  /** Default 6. */
  numDecoderLayers?: number;
}

export interface TransformerMasks extends DecoderMasks {
  srcMask?: Tensor | undefined;
  srcKeyPaddingMask?: Tensor | undefined;
  srcIsCausal?: boolean | undefined;
}

/**
 * An encoder and a decoder that looks at what the encoder made. Embeddings and the last linear map are yours.
 * @shape src [positions, batch, dModel], tgt [other positions, batch, dModel] → tgt's; the batch comes first with `batchFirst`
 * @source PyTorch `nn.Transformer`, start values included: Glorot's, uniform; Vaswani et al. (2017)
 */
export class Transformer extends Module {
  readonly dModel: number;
  readonly nhead: number;
  encoder: TransformerEncoder;
  decoder: TransformerDecoder;

  constructor({ dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6, ...options }: TransformerOptions = {}) {
    super();
    this.dModel = dModel;
    this.nhead = nhead;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps: options.layerNormEps ?? 1e-5, bias: options.bias ?? true });
    this.encoder = new TransformerEncoder(new TransformerEncoderLayer(dModel, nhead, options), numEncoderLayers, { norm: norm() });
    this.decoder = new TransformerDecoder(new TransformerDecoderLayer(dModel, nhead, options), numDecoderLayers, { norm: norm() });
    for (const parameter of this.parameters()) if (parameter.rank > 1) xavierUniform(parameter);
  }

  forward(src: Tensor, tgt: Tensor, { srcMask, srcKeyPaddingMask, srcIsCausal, ...masks }: TransformerMasks = {}): Tensor {
    const memory = this.encoder.forward(src, { mask: srcMask, keyPaddingMask: srcKeyPaddingMask, isCausal: srcIsCausal });
    return this.decoder.forward(tgt, memory, masks);
  }

  /** The mask to add to scores so that position i looks at positions 0 to i only: 0 where it may look, −∞ elsewhere. */
  static generateSquareSubsequentMask(size: number): Tensor {
    expectCount("generateSquareSubsequentMask", "size", size);
    return causalMask(size).where(0, Number.NEGATIVE_INFINITY).to("float32");
  }
}
