import type { Shape } from "../base/shape.ts";
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

  constructor(options: EmbeddingOptions) {
    super("Embedding", options);
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
