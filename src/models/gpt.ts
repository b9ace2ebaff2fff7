import { Stream } from "../base/random.ts";
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { MultiheadAttention } from "../nn/attention.ts";
import { KeyValueCache } from "../nn/cache.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding } from "../nn/embedding.ts";
import { normal, zeros } from "../nn/init.ts";
import { expectCount, shown } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { LayerNorm } from "../nn/norm.ts";
import { TransformerEncoderLayer } from "../nn/transformer.ts";
import { range } from "../ops/gather.ts";
import { compile } from "../tensor/compile.ts";
import { tensor } from "../tensor/create.ts";
import { noGrad } from "../tensor/functional.ts";
import { Tensor } from "../tensor/tensor.ts";
import { choose, type Choosing } from "./choosing.ts";

export interface GPTOptions {
  /** How many different tokens there are. */
  vocabSize: number;
  /** The most tokens looked at. Default 1024. */
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
  /** Default `"gelu"`. */
  activation?: "relu" | "gelu" | ((x: Tensor) => Tensor);
  /** Adds biases to maps and normalisations. Default `true`. */
  bias?: boolean;
  /** Scores tokens by the table they were looked up in, instead of a linear map of its own. Default `true`. */
  tied?: boolean;
}

export interface GenerateOptions extends Choosing {
  /** How many tokens are added. Default 100. */
  maxNewTokens?: number;
  /** Of the choices. Default 0. */
  seed?: number;
}

/**
 * A decoder of the GPT kind: token and position vectors, layers that normalise first and look back only, a last normalisation, and a score for each next token.
 * @shape [batch, positions] of whole numbers → [batch, positions, vocabSize]
 * @source Radford et al., "Language models are unsupervised multitask learners" (2019), start values included
 */
export class GPT extends Module {
  readonly vocabSize: number;
  readonly context: number;
  tokens: Embedding;
  positions: Embedding;
  dropout: Dropout;
  layers: TransformerEncoderLayer[];
  norm: LayerNorm;
  /** None where the table of tokens does its work. */
  head: Linear | undefined;
  readonly #step: (token: Tensor) => Tensor;
  readonly #caches: KeyValueCache[];

  constructor(options: GPTOptions) {
    super();
    const { vocabSize, context = 1024, layers = 12, heads = 12, dModel = 768, dropout = 0.1, bias = true, tied = true } = options;
    for (const [name, count] of Object.entries({ vocabSize, context, layers, heads, dModel })) expectCount("GPT", name, count);
    this.vocabSize = vocabSize;
    this.context = context;
    this.tokens = new Embedding(vocabSize, dModel);
    this.positions = new Embedding(context, dModel);
    this.dropout = new Dropout(dropout);
    const { dimFeedforward = 4 * dModel, activation = "gelu" } = options;
    const layer = { dimFeedforward, dropout, activation, bias, batchFirst: true, normFirst: true };
    this.layers = Array.from({ length: layers }, () => new TransformerEncoderLayer(dModel, heads, layer));
    this.norm = new LayerNorm(dModel, { bias });
    this.head = tied ? undefined : new Linear(dModel, vocabSize, { bias: false });
    this.apply(begin);
    // What is added to the stream of features starts smaller the more often something is added.
    for (const { selfAttn, linear2 } of this.layers) for (const { weight } of [selfAttn.outProj, linear2]) normal(weight, 0, 0.02 / Math.sqrt(2 * layers));
    this.#caches = this.layers.map(() => new KeyValueCache({ capacity: context }));
    this.#step = compile((token) => this.#next(token));
  }

  forward(tokens: Tensor): Tensor {
    return this.#scores(this.#features(tokens));
  }

  /** What the layers make of tokens, which may follow on what caches hold. */
  #features(tokens: Tensor, caches?: readonly KeyValueCache[]): Tensor {
    const [, length] = this.#expect(tokens);
    const at = caches
      ? this.positions.weight.gather(new Tensor(range([length!], 0, "float32")).add(caches[0]!.position).to("int32"))
      : this.positions.weight.slice([0], [length!]);
    const start = this.dropout.forward(this.tokens.forward(tokens).add(at));
    return this.norm.forward(this.layers.reduce((x, layer, i) => layer.forward(x, caches ? { cache: caches[i] } : { isCausal: true }), start));
  }

  #scores(features: Tensor): Tensor {
    return this.head ? this.head.forward(features) : features.matmul(this.tokens.weight.permute([1, 0]));
  }

  /** The scores of what follows `tokens` and what the caches hold. */
  #next(tokens: Tensor): Tensor {
    const length = tokens.shape[1]!;
    return this.#scores(this.#features(tokens, this.#caches).slice([0, length - 1], [1, length])).reshape([this.vocabSize]);
  }

  /**
   * `prompt` and the tokens chosen to follow it, one by one, from the scores of each. What was computed for earlier tokens is kept; beyond `context` tokens
   * only the last `context` are looked at, all anew.
   * @throws a `value` error for an empty prompt or a setting that is no chance, a `data` error for a token outside the vocabulary
   * @example
   * ```ts
   * const tokens = await model.generate([1, 2, 3], { maxNewTokens: 20, temperature: 0.8, topK: 40, seed: 1 });
   * ```
   */
  async generate(prompt: readonly number[], { maxNewTokens = 100, seed = 0, ...choosing }: GenerateOptions = {}): Promise<number[]> {
    if (prompt.length === 0) throw new CambiumError("value", "GPT.generate", "the prompt is empty", "begin with one token, e.g. that of a line's end");
    if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0)
      throw new CambiumError("value", "GPT.generate", `maxNewTokens is a whole number from 0, got ${maxNewTokens}`);
    const stream = new Stream(seed);
    const tokens = [...prompt];
    const wasTraining = this.training;
    this.eval();
    try {
      for (const cache of this.#caches) cache.clear();
      for (let fresh = tokens.slice(-this.context); tokens.length < prompt.length + maxNewTokens; fresh = [tokens.at(-1)!]) {
        if (this.#caches[0]!.length + fresh.length > this.context) {
          for (const cache of this.#caches) cache.clear();
          fresh = tokens.slice(-this.context);
        }
        const input = tensor([fresh], { dtype: "int32" });
        if (tokens.length === prompt.length) this.tokens.forward(input);
        tokens.push(choose("GPT.generate", await noGrad(() => this.#step(input)).data(), choosing, stream));
      }
    } finally {
      this.train(wasTraining);
    }
    return tokens;
  }

  #expect(tokens: Tensor): readonly number[] {
    if (tokens.rank !== 2) throw new CambiumError("shape", "GPT", `expected [batch, positions] of whole numbers, got ${show(tokens.shape)}`);
    if (tokens.shape[1]! > this.context)
      throw new CambiumError(
        "shape",
        "GPT",
        `got ${tokens.shape[1]} tokens, the context is ${this.context}`,
        "cut them, or make the model with a larger context",
      );
    return tokens.shape;
  }

  protected override describe(): string {
    return shown({ vocabSize: this.vocabSize, context: this.context, tied: this.head === undefined });
  }
}

/** A decoder of the GPT kind. */
export const gpt = (options: GPTOptions): GPT => new GPT(options);

/** GPT-2's start values: maps and tables spread by 0.02, biases at 0. */
function begin(module: Module): void {
  if (module instanceof Linear || module instanceof Embedding) normal(module.weight, 0, 0.02);
  if (module instanceof Linear && module.bias) zeros(module.bias);
  if (module instanceof MultiheadAttention && module.inProjWeight) normal(module.inProjWeight, 0, 0.02);
}
