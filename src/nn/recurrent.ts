import { CambiumError } from "../base/error.ts";
import { same, type Shape, show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { stack, zeros } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { drop } from "./dropout.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { maskOf, PackedSequence } from "./packed.ts";
import { gated, joined, long, passage, projected, relu, simple, type Step } from "./recurrence.ts";
import { uniform } from "./start.ts";

export interface RecurrentOptions {
  /** Layers one on top of another. Default 1. */
  numLayers?: number;
  /** Adds biases. Default `true`. */
  bias?: boolean;
  /** Whether axis 0 is the batch and axis 1 time, instead of the other way round. Default `false`. */
  batchFirst?: boolean;
  /** In training, the chance of a number between two layers to be put to 0. Default 0. */
  dropout?: number;
  /** Whether a second cell goes through the sequence from its end; outputs lie side by side. Default `false`. */
  bidirectional?: boolean;
}

/** What recurrent modules share: parameters, layers, directions, batches and lengths. */
abstract class Recurrent<State> extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly #sizes: readonly number[];
  readonly #hasBias: boolean;
  readonly #step: Step;

  /** `sizes`: of each part of the state; the first is the output's. */
  protected constructor(gates: number, step: Step, sizes: readonly number[], inputSize: number, hiddenSize: number, options: RecurrentOptions) {
    super();
    const where = this.constructor.name;
    const { numLayers = 1, bias = true, batchFirst = false, dropout = 0, bidirectional = false } = options;
    for (const [name, value] of Object.entries({ inputSize, hiddenSize, numLayers })) expectCount(where, name, value);
    if (!(dropout >= 0 && dropout <= 1)) throw new CambiumError("value", where, `dropout is a chance from 0 to 1, got ${dropout}`);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.bidirectional = bidirectional;
    this.#sizes = sizes;
    this.#hasBias = bias;
    this.#step = step;
    const start = uniform(-1 / Math.sqrt(hiddenSize), 1 / Math.sqrt(hiddenSize));
    const rows = gates * hiddenSize;
    const own = this as unknown as Record<string, Tensor>;
    const add = (name: string, shape: Shape): void => void (own[name] = parameter(start(shape, { in: hiddenSize, out: rows })));
    for (let layer = 0; layer < numLayers; layer++)
      for (const suffix of this.#suffixes(layer)) {
        add(`weight_ih_${suffix}`, [rows, layer === 0 ? inputSize : sizes[0]! * (bidirectional ? 2 : 1)]);
        add(`weight_hh_${suffix}`, [rows, sizes[0]!]);
        if (bias) for (const from of ["ih", "hh"]) add(`bias_${from}_${suffix}`, [rows]);
        if (sizes[0] !== hiddenSize) add(`weight_hr_${suffix}`, [sizes[0]!, hiddenSize]);
      }
  }

  #suffixes(layer: number): string[] {
    return this.bidirectional ? [`l${layer}`, `l${layer}_reverse`] : [`l${layer}`];
  }

  #parameter(name: string): Tensor | undefined {
    return (this as unknown as Record<string, Tensor | undefined>)[name];
  }

  /** Whether the bias of the state's product is apart from that of the input's. */
  protected get biasApart(): boolean {
    return false;
  }

  /** A state as users write it, as the list of its parts, each `[layers · directions, batch, size]`; and back. */
  protected abstract parts(state: State): readonly Tensor[];
  protected abstract whole(parts: readonly Tensor[]): State;

  /** The outputs of the last layer at all steps, and the state after the last step: of each layer, forward before backward. */
  forward(x: Tensor, state?: State): [output: Tensor, state: State];
  forward(x: PackedSequence, state?: State): [output: PackedSequence, state: State];
  forward(x: Tensor | PackedSequence, state?: State): [output: any, state: State] {
    const where = `${this.constructor.name}(${this.inputSize} → ${this.hiddenSize})`;
    if (x instanceof PackedSequence) {
      const [output, end] = this.#run(where, x.padded, state, maskOf(x.lengths, x.padded.shape[0]!));
      return [new PackedSequence(output, x.lengths), end];
    }
    expectTensor(where, x, this.#parameter("weight_ih_l0"));
    const single = x.rank === 2;
    const axes = this.batchFirst ? "batch, time" : "time, batch";
    if (!single && x.rank !== 3)
      throw new CambiumError("shape", where, `expected [${axes}, ${this.inputSize}] or [time, ${this.inputSize}], got ${show(x.shape)}`);
    expectSize(where, x, -1, this.inputSize, `[${single ? "time" : axes}, ${this.inputSize}]`);
    const swapped = this.batchFirst && !single;
    const sequence = single ? x.expandDims(1) : swapped ? x.permute([1, 0, 2]) : x;
    const given = state !== undefined && single ? this.whole(this.parts(state).map((part) => part.expandDims(1))) : state;
    const [output, end] = this.#run(where, sequence, given);
    if (single) return [output.squeeze(1), this.whole(this.parts(end).map((part) => part.squeeze(1)))];
    return [swapped ? output.permute([1, 0, 2]) : output, end];
  }

  #run(where: string, x: Tensor, state: State | undefined, mask?: Tensor): [output: Tensor, state: State] {
    const batch = x.shape[1]!;
    const cells = this.numLayers * (this.bidirectional ? 2 : 1);
    const starts = state === undefined ? undefined : this.parts(state);
    starts?.forEach((part, i) => {
      const wanted = [cells, batch, this.#sizes[i]!];
      if (!(part instanceof Tensor) || !same(part.shape, wanted))
        throw new CambiumError(
          "shape",
          where,
          `the state${starts.length > 1 ? `'s part ${i}` : ""} must be ${show(wanted)} (layers and directions, batch, size), got ${part instanceof Tensor ? show(part.shape) : typeof part}`,
        );
    });
    let input = x;
    const ends: Tensor[][] = [];
    for (let layer = 0; layer < this.numLayers; layer++) {
      const outputs = this.#suffixes(layer).map((suffix, direction) => {
        const weight = (name: string): Tensor => this.#parameter(`weight_${name}_${suffix}`)!.permute([1, 0]);
        const [ih, hh] = [this.#parameter(`bias_ih_${suffix}`), this.#parameter(`bias_hh_${suffix}`)];
        const apart = this.biasApart ? hh : undefined;
        const projection = this.#parameter(`weight_hr_${suffix}`)?.permute([1, 0]);
        const recurrent = weight("hh");
        const [output, end] = passage({
          z: projected(input, weight("ih"), ih, apart ? undefined : hh),
          start: this.#sizes.map((size, i) =>
            starts ? starts[i]!.slice([ends.length], [ends.length + 1]).squeeze(0) : zeros([batch, size], { dtype: x.dtype }),
          ),
          next: (z, state) => {
            const made = this.#step(z, projected(state[0]!, recurrent, apart), state);
            return projection ? [made[0]!.matmul(projection), ...made.slice(1)] : made;
          },
          reverse: direction === 1,
          mask,
        });
        ends.push(end);
        return output;
      });
      input = joined(outputs);
      if (this.training && this.dropout > 0 && layer < this.numLayers - 1) input = drop(input, this.dropout);
    }
    return [input, this.whole(this.#sizes.map((_, i) => stack(ends.map((end) => end[i]!))))];
  }

  protected override describe(): string {
    const { numLayers, batchFirst, dropout, bidirectional } = this;
    const more = {
      ...(numLayers !== 1 && { numLayers }),
      ...(!this.#hasBias && { bias: false }),
      ...(batchFirst && { batchFirst }),
      ...(dropout !== 0 && { dropout }),
      ...(bidirectional && { bidirectional }),
    };
    return [`${this.inputSize}, ${this.hiddenSize}`, ...(Object.keys(more).length > 0 ? [shown(more)] : [])].join(", ");
  }
}

export interface RNNOptions extends RecurrentOptions {
  /** Default `"tanh"`. */
  nonlinearity?: "tanh" | "relu";
}

/** The curve of a plain cell. */
export function curveOf(where: string, name: "tanh" | "relu"): Step {
  if (name !== "tanh" && name !== "relu") throw new CambiumError("name", where, `there is no nonlinearity "${String(name)}"; it is "tanh" or "relu"`);
  return name === "relu" ? simple(relu) : simple();
}

/**
 * A plain recurrent network: `h' = tanh(x Wᵀ + b + h Uᵀ + c)` at each step.
 * @shape [time, batch, inputSize] → [time, batch, directions · hiddenSize] and the last state [layers · directions, batch, hiddenSize]; also without batch, or with `batchFirst`
 * @throws a `shape` error when the input or the state does not fit
 * @source PyTorch `nn.RNN`, parameters, their names and start values included
 */
export class RNN extends Recurrent<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    super(1, curveOf("RNN", options.nonlinearity ?? "tanh"), [hiddenSize], inputSize, hiddenSize, options);
  }

  protected parts(state: Tensor): readonly Tensor[] {
    return [state];
  }

  protected whole([h]: readonly Tensor[]): Tensor {
    return h!;
  }
}

/**
 * Gated recurrent units, the reset gate behind the product.
 * @shape as `RNN`
 * @throws a `shape` error when the input or the state does not fit
 * @source PyTorch `nn.GRU`, parameters, their names and start values included; Cho et al. (2014)
 */
export class GRU extends Recurrent<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(3, gated("resetFirst"), [hiddenSize], inputSize, hiddenSize, options);
  }

  protected override get biasApart(): boolean {
    return true;
  }

  protected parts(state: Tensor): readonly Tensor[] {
    return [state];
  }

  protected whole([h]: readonly Tensor[]): Tensor {
    return h!;
  }
}

export interface LSTMOptions extends RecurrentOptions {
  /** Size of what comes out, where it is to be smaller than the cells. Default 0: as many as the cells. */
  projSize?: number;
}

/**
 * Long short-term memory.
 * @shape [time, batch, inputSize] → [time, batch, directions · outputs] and the last states [h, c] of [layers · directions, batch, size]; also without batch, or with `batchFirst`
 * @throws a `shape` error when the input or the state does not fit
 * @source PyTorch `nn.LSTM`, parameters, their names and start values included; Hochreiter and Schmidhuber (1997)
 * @example
 * ```ts
 * const [output, [h, c]] = new nn.LSTM(28, 128).forward(zeros([7, 4, 28])); // output [7, 4, 128], h and c [1, 4, 128]
 * ```
 */
export class LSTM extends Recurrent<readonly [h: Tensor, c: Tensor]> {
  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    const { projSize = 0 } = options;
    if (!Number.isInteger(projSize) || projSize < 0 || (projSize > 0 && projSize >= hiddenSize))
      throw new CambiumError("value", "LSTM", `projSize must be a whole number from 0 to below hiddenSize (${hiddenSize}), got ${projSize}`);
    super(4, long(), [projSize || hiddenSize, hiddenSize], inputSize, hiddenSize, options);
  }

  protected parts(state: readonly [h: Tensor, c: Tensor]): readonly Tensor[] {
    if (!Array.isArray(state) || state.length !== 2)
      throw new CambiumError("value", "LSTM", "the state must be [h, c]", "give both, or leave the state out: then it is zeros");
    return state;
  }

  protected whole([h, c]: readonly Tensor[]): readonly [h: Tensor, c: Tensor] {
    return [h!, c!];
  }
}
