import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { truncatedNormal } from "../nn/start.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { Wrapper } from "./wrapper.ts";

export interface SpectralNormalizationOptions extends LayerOptions {
  /** The layer whose kernel is held. */
  layer: Layer;
  /** How often the estimate is refined at each step. Default 1. */
  powerIterations?: number;
}

/** `x` at length 1. */
const unit = (x: Tensor): Tensor => x.mul(x.square().sum().maximum(1e-12).rsqrt());

/** A layer whose kernel is divided in training by its largest singular value. */
export class SpectralNormalization extends Wrapper {
  /** [1, outputs]: the direction in which the kernel stretches most, as far as it is known. */
  vectorU: Tensor | undefined = undefined;
  readonly #iterations: number;

  constructor(options: SpectralNormalizationOptions) {
    super("SpectralNormalization", options);
    const { powerIterations = 1 } = options;
    if (!Number.isInteger(powerIterations) || powerIterations < 1)
      throw new CambiumError("value", this.name, `powerIterations must be a whole number from 1, got ${powerIterations}`);
    this.#iterations = powerIterations;
  }

  protected override make(input: Shape): void {
    super.make(input);
    const outputs = this.#kernel().shape.at(-1)!;
    this.vectorU = truncatedNormal(0, 0.02)([1, outputs], { in: 1, out: 1 });
  }

  protected override call(x: Tensor): Tensor {
    if (this.training) this.#hold();
    return this.layer.forward(x);
  }

  /** Sets kernel and estimate to what they are after a step; a kernel of zeros stays. */
  #hold(): void {
    const kernel = this.#kernel();
    const weights = kernel.reshape([-1, kernel.shape.at(-1)!]).detach();
    let u = this.vectorU!;
    let v = u.matmul(weights.transpose());
    for (let i = 0; i < this.#iterations; i++) {
      v = unit(u.matmul(weights.transpose()));
      u = unit(v.matmul(weights));
    }
    const stretch = v.matmul(weights).matmul(u.transpose()).reshape([]);
    const nothing = weights.abs().max().equal(0);
    assignAll([
      [this.vectorU!, nothing.where(this.vectorU!, u)],
      [kernel, nothing.where(kernel, kernel.div(nothing.where(1, stretch)))],
    ]);
  }

  #kernel(): Tensor {
    const { kernel, embeddings } = this.layer as Layer & { kernel?: unknown; embeddings?: unknown };
    const found = kernel ?? embeddings;
    if (found instanceof Tensor) return found;
    throw new CambiumError("value", this.name, `${this.layer.name} has neither a kernel nor embeddings`);
  }
}

/**
 * A layer whose kernel is divided in training by its largest singular value, so that no input is stretched by more than 1.
 * @shape as the layer's
 * @throws a `value` error for a layer without kernel or embeddings
 * @source Keras `SpectralNormalization`; Miyato et al. (2018)
 * @example
 * ```ts
 * layers.spectralNormalization(layers.conv2d(8, 3));
 * ```
 */
export const spectralNormalization = (
  layer: Layer | SpectralNormalizationOptions,
  options: Omit<SpectralNormalizationOptions, "layer"> = {},
): SpectralNormalization => new SpectralNormalization(layer instanceof Layer ? { ...options, layer } : layer);
