import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { MultiheadAttention } from "../nn/attention.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { normal, zeros } from "../nn/init.ts";
import { expectCount, shown } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { LayerNorm } from "../nn/norm.ts";
import { TransformerEncoderLayer } from "../nn/transformer.ts";
import { zeros as zeroTensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface BERTOptions {
  /** How many different tokens there are. Default 30522. */
  vocabSize?: number;
  /** The most tokens looked at. Default 512. */
  context?: number;
  /** Default 12. */
  layers?: number;
  /** Default 12. */
  heads?: number;
  /** Features of a token. Default 768. */
  dModel?: number;
  /** Features between the two linear maps of a layer. Default 4 · dModel. */
  dimFeedforward?: number;
  /** Default 0.1. */
  dropout?: number;
  /** How many kinds of segments there are. Default 2. */
  segments?: number;
  /** Whether the first token's features are mapped once more, to stand for the whole. Default `true`. */
  pooler?: boolean;
  /** Whether there is a head that names hidden tokens. Default `true`. */
  maskedHead?: boolean;
}

export interface BERTInputs {
  /** Which segment each token belongs to, shaped like the tokens. Default: the first. */
  segments?: Tensor | undefined;
  /** [batch, positions]. Bool: true for positions nobody may look at. */
  keyPaddingMask?: Tensor | undefined;
}

/** The head that names hidden tokens: a map, GELU and a normalisation, then the table of tokens itself. */
class MaskedHead extends Module {
  dense: Linear;
  norm: LayerNorm;
  /** [vocabSize] */
  bias: Tensor;

  constructor(vocabSize: number, dModel: number) {
    super();
    this.dense = new Linear(dModel, dModel);
    this.norm = new LayerNorm(dModel, { eps: 1e-12 });
    this.bias = parameter(zeroTensor([vocabSize]));
  }

  forward(features: Tensor, table: Tensor): Tensor {
    return this.norm
      .forward(this.dense.forward(features).gelu())
      .matmul(table.permute([1, 0]))
      .add(this.bias);
  }
}

/**
 * An encoder of the BERT kind: token, position and segment vectors, and layers that look both ways and normalise afterwards.
 * @shape [batch, positions] of whole numbers → [batch, positions, dModel]
 * @source Devlin et al., "BERT: pre-training of deep bidirectional transformers" (2018), start values included
 */
export class BERT extends Module {
  readonly context: number;
  tokens: Embedding;
  positions: Embedding;
  segments: Embedding;
  norm: LayerNorm;
  dropout: Dropout;
  layers: TransformerEncoderLayer[];
  pooler: Linear | undefined;
  maskedHead: MaskedHead | undefined;

  constructor(options: BERTOptions = {}) {
    super();
    const { vocabSize = 30522, context = 512, layers = 12, heads = 12, dModel = 768, dropout = 0.1, segments = 2, pooler = true, maskedHead = true } = options;
    for (const [name, count] of Object.entries({ vocabSize, context, layers, heads, dModel, segments })) expectCount("BERT", name, count);
    this.context = context;
    this.tokens = new Embedding(vocabSize, dModel);
    this.positions = new Embedding(context, dModel);
    this.segments = new Embedding(segments, dModel);
    this.norm = new LayerNorm(dModel, { eps: 1e-12 });
    this.dropout = new Dropout(dropout);
    const layer = { dimFeedforward: options.dimFeedforward ?? 4 * dModel, dropout, activation: "gelu", layerNormEps: 1e-12, batchFirst: true } as const;
    this.layers = Array.from({ length: layers }, () => new TransformerEncoderLayer(dModel, heads, layer));
    this.pooler = pooler ? new Linear(dModel, dModel) : undefined;
    this.maskedHead = maskedHead ? new MaskedHead(vocabSize, dModel) : undefined;
    this.apply(begin);
  }

  forward(tokens: Tensor, { segments, keyPaddingMask }: BERTInputs = {}): Tensor {
    if (tokens.rank !== 2) throw new CambiumError("shape", "BERT", `expected [batch, positions] of whole numbers, got ${show(tokens.shape)}`);
    const length = tokens.shape[1]!;
    if (length > this.context)
      throw new CambiumError("shape", "BERT", `got ${length} tokens, the context is ${this.context}`, "cut them, or make a larger one");
    const place = this.positions.weight.slice([0], [length]);
    const segment = segments ? this.segments.forward(segments) : this.segments.weight.slice([0], [1]);
    const start = this.dropout.forward(this.norm.forward(this.tokens.forward(tokens).add(place).add(segment)));
    return this.layers.reduce((x, layer) => layer.forward(x, { keyPaddingMask }), start);
  }

  /** What stands for the whole sequence: the first position's features, mapped and bent. @shape [batch, positions, dModel] → [batch, dModel] */
  pooled(features: Tensor): Tensor {
    if (!this.pooler) throw new CambiumError("state", "BERT.pooled", "the model was made without a pooler", "bert({ pooler: true })");
    const [batch, , size] = features.shape as [number, number, number];
    return this.pooler.forward(features.slice([0, 0], [batch, 1]).reshape([batch, size])).tanh();
  }

  /** How well each token would fit at each position. @shape [batch, positions, dModel] → [batch, positions, vocabSize] */
  scores(features: Tensor): Tensor {
    if (!this.maskedHead) throw new CambiumError("state", "BERT.scores", "the model was made without the head that names tokens", "bert({ maskedHead: true })");
    return this.maskedHead.forward(features, this.tokens.weight);
  }

  protected override describe(): string {
    return shown({ context: this.context });
  }
}

/** An encoder of the BERT kind; without options, BERT base. */
export const bert = (options?: BERTOptions): BERT => new BERT(options);

/** BERT's start values: everything spread by 0.02, biases at 0. */
function begin(module: Module): void {
  if (module instanceof Linear || module instanceof Embedding) normal(module.weight, 0, 0.02);
  if (module instanceof Linear && module.bias) zeros(module.bias);
  if (module instanceof MultiheadAttention && module.inProjWeight) normal(module.inProjWeight, 0, 0.02);
}
