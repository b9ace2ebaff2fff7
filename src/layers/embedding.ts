import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { expectCount } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type HeldBack, Layer, type LayerOptions } from "./layer.ts";

export interface EmbeddingOptions extends LayerOptions, HeldBack<"embeddings"> {
  /** How many different whole numbers there are, counted from 0. */
  inputDim: number;
  /** How many numbers stand for each. */
  outputDim: number;
  /** Whether 0 stands for nothing: recurrent layers behind pass over it. Default `false`. */
  maskZero?: boolean;
}

/** A row of learnt numbers for each whole number. */
export class Embedding extends Layer {
  /** [inputDim, outputDim] */
  embeddings: Tensor | undefined = undefined;
  readonly #options: EmbeddingOptions;

  constructor(options: EmbeddingOptions, className = "Embedding") {
    super(className, options);
    expectCount(this.name, "inputDim", options.inputDim);
    expectCount(this.name, "outputDim", options.outputDim);
    this.#options = options;
  }

  override get takesIndices(): boolean {
    return true;
  }

  protected override make(_input: Shape): void {
    const { inputDim, outputDim } = this.#options;
    this.embeddings = this.named("embeddings", [inputDim, outputDim], "randomUniform");
  }

  protected override maskFor(x: Tensor): Tensor | undefined {
    return this.#options.maskZero ? x.notEqual(0) : undefined;
  }

  protected override call(x: Tensor): Tensor {
    return this.embeddings!.gather(x.to("int32"), 0);
  }
}

/**
 * A row of learnt numbers for each whole number; numbers from `inputDim` on give zeros.
 *
 * @shape `[batch, ...]` of whole numbers → `[batch, ..., outputDim]`
 * @source Keras `Embedding`, start values included
 */
export function embedding(inputDim: number, outputDim: number, options?: Omit<EmbeddingOptions, "inputDim" | "outputDim">): Embedding;
export function embedding(options: EmbeddingOptions): Embedding;
export function embedding(inputDim: number | EmbeddingOptions, outputDim?: number, options: Omit<EmbeddingOptions, "inputDim" | "outputDim"> = {}): Embedding {
  return new Embedding(typeof inputDim === "object" ? inputDim : { ...options, inputDim, outputDim: outputDim! });
}

export interface ReversibleEmbeddingOptions extends EmbeddingOptions {
  /** Whether the way back goes by the same weights. Default `true`. */
  tieWeights?: boolean;
  /** The largest size of what comes back, which a tanh keeps it below. Default: none. */
  logitSoftCap?: number;
}

/** What a reversible embedding is told at one of its uses. */
export interface EmbeddingCall {
  /** Whether rows of numbers become scores of the whole numbers. Default `false`. */
  reverse?: boolean;
}

/** An embedding that goes both ways. */
export class ReversibleEmbedding extends Embedding {
  /** [outputDim, inputDim], without `tieWeights`. */
  reverseEmbeddings: Tensor | undefined = undefined;
  readonly #reversible: ReversibleEmbeddingOptions;

  constructor(options: ReversibleEmbeddingOptions) {
    super(options, "ReversibleEmbedding");
    this.#reversible = options;
  }

  protected override make(input: Shape): void {
    super.make(input);
    const { inputDim, outputDim, tieWeights = true, embeddingsInitializer = "randomUniform" } = this.#reversible;
    if (!tieWeights) this.reverseEmbeddings = this.weight([outputDim, inputDim], { initializer: embeddingsInitializer });
  }

  /** Only whole numbers may stand for nothing. */
  protected override maskFor(x: Tensor): Tensor | undefined {
    return x.rank > 0 && isFloat(x.dtype) ? undefined : super.maskFor(x);
  }

  protected override call(x: Tensor, { reverse = false }: EmbeddingCall = {}): Tensor {
    if (!reverse) return super.call(x);
    const { outputDim, logitSoftCap } = this.#reversible;
    if (x.shape.at(-1) !== outputDim) throw new CambiumError("shape", this.name, `expected [..., ${outputDim}] to go back from, got ${show(x.shape)}`);
    const scores = x.to("float32").matmul(this.reverseEmbeddings ?? this.embeddings!.transpose());
    return logitSoftCap === undefined ? scores : scores.div(logitSoftCap).tanh().mul(logitSoftCap);
  }
}

/**
 * A row of learnt numbers for each whole number; with `{ reverse: true }` at a use, scores of the whole numbers for rows of numbers.
 * @shape `[batch, ...]` of whole numbers → `[batch, ..., outputDim]`; reversed `[batch, ..., outputDim]` → `[batch, ..., inputDim]`
 * @source Keras `ReversibleEmbedding`; Press and Wolf, "Using the output embedding to improve language models" (2017)
 * @example
 * ```ts
 * const tokens = layers.reversibleEmbedding(100, 16);
 * const x = input({ shape: [8] });
 * const scores = tokens.apply(tokens.apply(x), { reverse: true });
 * ```
 */
export const reversibleEmbedding = (
  inputDim: number | ReversibleEmbeddingOptions,
  outputDim?: number,
  options: Omit<ReversibleEmbeddingOptions, "inputDim" | "outputDim"> = {},
): ReversibleEmbedding => new ReversibleEmbedding(typeof inputDim === "object" ? inputDim : { ...options, inputDim, outputDim: outputDim! });
