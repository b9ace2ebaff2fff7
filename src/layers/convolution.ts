import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { convolve } from "../nn/convolution.ts";
import { expectCount, perAxis, type Sizes } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Activation, activation } from "./activations.ts";
import type { KernelOptions } from "./dense.ts";
import { Layer } from "./layer.ts";

export interface ConvOptions extends KernelOptions {
  /** How many channels come out. */
  filters: number;
  kernelSize: Sizes;
  /** Default 1. */
  strides?: Sizes;
  /** `"valid"`: no padding; `"same"`: zeros around, so that the output has ⌈input / strides⌉ places; `"causal"`, for sequences: zeros in front, so that nothing sees what comes after it. Default `"valid"`. */
  padding?: "valid" | "same" | "causal";
  /** Default 1. */
  dilationRate?: Sizes;
  /** Channels in this many groups that do not see each other. Default 1. */
  groups?: number;
}

/** Kernels moved along the axes between batch and channels. */
export class Conv extends Layer {
  /** [...kernelSize, channels / groups, filters] */
  kernel: Tensor | undefined = undefined;
  /** [filters] */
  bias: Tensor | undefined = undefined;
  readonly #options: ConvOptions;
  readonly #activation: Activation;
  readonly #kernelSize: number[];

  constructor(rank: 1 | 2, options: ConvOptions) {
    super(`Conv${rank}D`, options);
    const { filters, kernelSize, padding = "valid", groups = 1 } = options;
    expectCount(this.name, "filters", filters);
    expectCount(this.name, "groups", groups);
    if (filters % groups !== 0) throw new CambiumError("value", this.name, `${filters} filters cannot be split into ${groups} groups`);
    if (padding !== "causal" || rank !== 1) checkPadding(this.name, padding);
    this.#kernelSize = perAxis(this.name, "kernelSize", kernelSize, rank);
    perAxis(this.name, "strides", options.strides ?? 1, rank);
    perAxis(this.name, "dilationRate", options.dilationRate ?? 1, rank);
    this.#options = options;
    this.#activation = activation(this.name, options.activation);
  }

  protected override make(input: Shape): void {
    const {
      filters,
      groups = 1,
      useBias = true,
      kernelInitializer = "glorotUniform",
      biasInitializer = "zeros",
      kernelRegularizer,
      biasRegularizer,
    } = this.#options;
    const channels = input.at(-1)!;
    this.kernel = this.weight([...this.#kernelSize, channels / groups, filters], { initializer: kernelInitializer, regularizer: kernelRegularizer });
    if (useBias) this.bias = this.weight([filters], { initializer: biasInitializer, regularizer: biasRegularizer });
  }

  protected override check(input: Shape): void {
    const rank = this.#kernelSize.length;
    checkRank(this.name, input, rank);
    const { groups = 1 } = this.#options;
    const channels = input.at(-1)!;
    const wanted = this.kernel && this.kernel.shape.at(-2)! * groups;
    if (wanted !== undefined && channels !== wanted)
      throw new CambiumError(
        "shape",
        this.name,
        `expects ${wanted} channels on the last axis, got samples of ${show(input)}`,
        input[0] === wanted
          ? `move the channels last: x.permute([0, ${input
              .slice(1)
              .map((_, i) => i + 2)
              .join(", ")}, 1])`
          : undefined,
      );
    if (channels % groups !== 0) throw new CambiumError("shape", this.name, `${channels} channels cannot be split into ${groups} groups`);
  }

  /** How far a causal kernel looks back. */
  #past(): number {
    const [dilation] = perAxis(this.name, "dilationRate", this.#options.dilationRate ?? 1, 1);
    return (this.#kernelSize[0]! - 1) * dilation!;
  }

  protected override call(x: Tensor): Tensor {
    const { strides = 1, padding = "valid", dilationRate = 1, groups = 1 } = this.#options;
    return this.#activation(
      convolve(x, this.kernel!, this.bias, { stride: strides, padding: padding === "causal" ? [[this.#past(), 0]] : padding, dilation: dilationRate, groups }),
    );
  }
}

/** Complains unless there is such a padding. */
export function checkPadding(where: string, padding: string): void {
  if (padding !== "valid" && padding !== "same") throw new CambiumError("name", where, `there is no padding "${padding}"; it is "valid" or "same"`);
}

/** Complains unless samples have `rank` spatial axes and channels. */
export function checkRank(where: string, input: Shape, rank: number): void {
  const axes = ["height", "width"].slice(2 - rank);
  if (input.length !== rank + 1)
    throw new CambiumError(
      "shape",
      where,
      `expects samples of [${rank === 1 ? "steps" : axes.join(", ")}, channels], got ${show(input)}`,
      input.length === rank
        ? `give it a channel axis: x.reshape([-1, ${input.join(", ")}, 1])`
        : input.length === 1
          ? "flatten and dense layers come after it, not before"
          : undefined,
    );
}

type Rest = Omit<ConvOptions, "filters" | "kernelSize">;

/**
 * Kernels moved over images, channels last.
 *
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, filters]`
 * @throws a `name` error for an unknown activation, padding, initializer or regularizer
 * @source Keras `Conv2D`, start values included
 * @example
 * ```ts
 * layers.conv2d(32, [3, 3], { activation: "relu", inputShape: [28, 28, 1] });
 * layers.conv2d({ filters: 32, kernelSize: 3, activation: "relu" });
 * ```
 */
export function conv2d(filters: number, kernelSize: Sizes, options?: Rest): Conv;
export function conv2d(options: ConvOptions): Conv;
export function conv2d(filters: number | ConvOptions, kernelSize?: Sizes, options: Rest = {}): Conv {
  return new Conv(2, typeof filters === "object" ? filters : { ...options, filters, kernelSize: kernelSize! });
}

/**
 * Kernels moved along sequences, channels last.
 *
 * @shape `[batch, steps, channels]` → `[batch, steps out, filters]`
 * @source Keras `Conv1D`, start values included
 */
export function conv1d(filters: number, kernelSize: Sizes, options?: Rest): Conv;
export function conv1d(options: ConvOptions): Conv;
export function conv1d(filters: number | ConvOptions, kernelSize?: Sizes, options: Rest = {}): Conv {
  return new Conv(1, typeof filters === "object" ? filters : { ...options, filters, kernelSize: kernelSize! });
}
