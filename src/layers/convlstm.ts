/** Long short-term memory over pictures: the products of its gates are convolutions. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { maskOf, masked } from "../module/mask.ts";
import { convolve } from "../nn/convolution.ts";
import { drop } from "../nn/dropout.ts";
import { expectCount, perAxis, type Sizes } from "../nn/input.ts";
import { long, type Step } from "../nn/recurrence.ts";
import { geometryOf, outputSizes } from "../ops/geometry.ts";
import { concat, ones } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { activation } from "./activations.ts";
import { Cell, checkChances, forgetting, type LSTMOptions, type State } from "./cells.ts";
import { fromFilters, type MakeKernel } from "./convolution.ts";
import { RNN, type SequenceOptions } from "./recurrent.ts";
import { checkPadding, orderOf, type SpatialOptions } from "./spatial.ts";

export interface ConvLSTMOptions extends Omit<LSTMOptions, "units">, SequenceOptions, SpatialOptions {
  /** How many channels come out. */
  filters: number;
  kernelSize: Sizes;
  /** Of the input's convolution; the state's moves by 1. Default 1. */
  strides?: Sizes;
  /** Of the input's convolution; the state keeps its sizes. Default `"valid"`. */
  padding?: "valid" | "same";
  /** Of the input's convolution. Default 1. */
  dilationRate?: Sizes;
}

/** One step, channels last. */
class ConvLSTMCell extends Cell {
  /** [...kernelSize, channels, 4 · filters] */
  kernel: Tensor | undefined = undefined;
  /** [...kernelSize, filters, 4 · filters] */
  recurrentKernel: Tensor | undefined = undefined;
  /** [4 · filters] */
  bias: Tensor | undefined = undefined;
  readonly #options: ConvLSTMOptions;
  readonly #rank: number;
  readonly #kernelSize: readonly number[];
  readonly #step: Step;

  constructor(rank: number, { inputShape: _, name: __, activityRegularizer: ___, ...options }: ConvLSTMOptions) {
    super("ConvLSTMCell", options);
    this.#options = options;
    this.#rank = rank;
    this.#kernelSize = perAxis(this.name, "kernelSize", options.kernelSize, rank);
    this.#step = long(activation(this.name, options.activation ?? "tanh"), activation(this.name, options.recurrentActivation ?? "sigmoid"));
  }

  protected override make(input: Shape): void {
    const { filters, useBias = true, biasInitializer = "zeros", unitForgetBias = true, biasRegularizer, biasConstraint } = this.#options;
    this.kernel = this.named("kernel", [...this.#kernelSize, input.at(-1)!, 4 * filters], "glorotUniform");
    this.recurrentKernel = this.named("recurrent", [...this.#kernelSize, filters, 4 * filters], "orthogonal");
    const initializer = unitForgetBias ? forgetting(biasInitializer, filters) : biasInitializer;
    if (useBias) this.bias = this.weight([4 * filters], { initializer, regularizer: biasRegularizer, constraint: biasConstraint });
  }

  stateShapes(input: Shape): readonly Shape[] {
    const { strides, padding = "valid", dilationRate, filters } = this.#options;
    const space = input.slice(0, -1);
    const moves = { ...(strides !== undefined && { stride: strides }), ...(dilationRate !== undefined && { dilation: dilationRate }), padding };
    const shape = [...outputSizes(this.name, space, geometryOf(this.name, space, this.#kernelSize, moves)), filters];
    return [shape, shape];
  }

  project(x: Tensor): Tensor {
    const { dropout = 0, strides = 1, padding = "valid", dilationRate = 1 } = this.#options;
    const steps = x.shape.slice(0, x.rank - this.#rank - 1);
    const flat = (x: Tensor): Tensor => x.reshape([-1, ...x.shape.slice(steps.length)]);
    const move = (x: Tensor, kernel: Tensor): Tensor => convolve(flat(x), kernel, undefined, { stride: strides, padding, dilation: dilationRate });
    // One choice for all steps, and one of its own for each gate.
    const kept = (): Tensor => drop(x, dropout, steps.length > 1 ? [1, ...x.shape.slice(1)] : x.shape);
    const y =
      this.training && dropout > 0
        ? concat(
            this.kernel!.split(4, -1).map((kernel) => move(kept(), kernel)),
            -1,
          )
        : move(x, this.kernel!);
    return (this.bias ? y.add(this.bias) : y).reshape([...steps, ...y.shape.slice(1)]);
  }

  begin(batch: number, input: Shape): (z: Tensor, state: State) => Tensor[] {
    const { recurrentDropout = 0 } = this.#options;
    const move = (h: Tensor, kernel: Tensor): Tensor => convolve(h, kernel, undefined, { padding: "same" });
    if (!this.training || recurrentDropout === 0) return (z, state) => this.#step(z, move(state[0]!, this.recurrentKernel!), state);
    const shape = [batch, ...this.stateShapes(input)[0]!];
    const chosen = this.recurrentKernel!.split(4, -1).map((kernel) => ({ kernel, mask: drop(ones(shape), recurrentDropout) }));
    return (z, state) =>
      this.#step(
        z,
        concat(
          chosen.map(({ kernel, mask }) => move(state[0]!.mul(mask), kernel)),
          -1,
        ),
        state,
      );
  }
}

const spaces = ["places", "rows, columns", "depth, rows, columns"];

/** Long short-term memory whose products are convolutions, through sequences of pictures. */
export class ConvLSTM extends RNN {
  readonly #rank: number;
  /** Whether channels come before the spatial axes. */
  readonly #first: boolean;

  constructor(rank: 1 | 2 | 3, options: ConvLSTMOptions) {
    const className = `ConvLSTM${rank}D`;
    const where = options.name ?? className;
    expectCount(where, "filters", options.filters);
    checkPadding(where, options.padding ?? "valid");
    checkChances(where, options);
    const [strides, dilation] = (["strides", "dilationRate"] as const).map((name) => perAxis(where, name, options[name] ?? 1, rank)) as [number[], number[]];
    if (Math.max(...strides) > 1 && Math.max(...dilation) > 1)
      throw new CambiumError("value", where, `strides ${show(strides)} and dilationRate ${show(dilation)} are both above 1; one of them must be 1`);
    super({ ...options, cell: new ConvLSTMCell(rank, options) }, className, options);
    this.#rank = rank;
    this.#first = orderOf(this.name, options.dataFormat) === "channelsFirst";
  }

  protected override check(input: Shape): void {
    if (input.length !== this.#rank + 2)
      throw new CambiumError(
        "shape",
        this.name,
        `expects samples of [time, ${this.#first ? "channels, " : ""}${spaces[this.#rank - 1]}${this.#first ? "" : ", channels"}], got ${show(input)}`,
      );
    const { kernel } = this.cell as ConvLSTMCell;
    const channels = input[this.#first ? 1 : input.length - 1];
    if (kernel && kernel.shape.at(-2) !== channels)
      throw new CambiumError("shape", this.name, `expects ${kernel.shape.at(-2)} channels, got samples of ${show(input)}`);
  }

  protected override make([time, ...input]: Shape): void {
    super.make([time!, ...(this.#first ? [...input.slice(1), input[0]!] : input)]);
  }

  protected override call(x: Tensor, ...given: any[]): Tensor | readonly Tensor[] {
    if (!this.#first) return super.call(x, ...given);
    const turned = given.map((one) => (typeof one?.shape === "object" ? one.moveAxis(1, -1) : one));
    const made = super.call(masked(x.moveAxis(2, -1), maskOf(x)), ...turned);
    const back = (y: Tensor): Tensor => y.moveAxis(-1, y.rank - 1 - this.#rank);
    return Array.isArray(made) ? (made as readonly Tensor[]).map(back) : back(made as Tensor);
  }

  override again(options: SequenceOptions): ConvLSTM {
    const { inputShape: _, ...config } = this.getConfig();
    return new ConvLSTM(this.#rank as 1 | 2 | 3, { ...config, ...options } as ConvLSTMOptions);
  }
}

/**
 * Long short-term memory along sequences of sequences: the products of its gates are convolutions.
 * @shape `[batch, time, places, channels]` → `[batch, places out, filters]`, or `[batch, time, places out, filters]` with `returnSequences`; with `returnState` also h and c
 * @source Keras `ConvLSTM1D`, start values included; Shi et al. (2015)
 */
export const convLstm1d: MakeKernel<ConvLSTMOptions, ConvLSTM> = fromFilters((options) => new ConvLSTM(1, options));

/**
 * Long short-term memory through sequences of images: the products of its gates are convolutions.
 * @shape `[batch, time, rows, columns, channels]` → `[batch, rows out, columns out, filters]`, or with time with `returnSequences`; with `returnState` also h and c
 * @source Keras `ConvLSTM2D`, start values included; Shi et al. (2015)
 * @example
 * ```ts
 * layers.convLstm2d(16, 3, { padding: "same", returnSequences: true, inputShape: [10, 64, 64, 1] });
 * ```
 */
export const convLstm2d: MakeKernel<ConvLSTMOptions, ConvLSTM> = fromFilters((options) => new ConvLSTM(2, options));

/**
 * Long short-term memory through sequences of volumes: the products of its gates are convolutions.
 * @shape `[batch, time, depth, rows, columns, channels]` → `[batch, depth out, rows out, columns out, filters]`, or with time with `returnSequences`; with `returnState` also h and c
 * @source Keras `ConvLSTM3D`, start values included; Shi et al. (2015)
 */
export const convLstm3d: MakeKernel<ConvLSTMOptions, ConvLSTM> = fromFilters((options) => new ConvLSTM(3, options));
