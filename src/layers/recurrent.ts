import { CambiumError } from "../base/error.ts";
import { same, type Shape, show } from "../base/shape.ts";
import { passage } from "../nn/recurrence.ts";
import { zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Cell, GRUCell, type GRUOptions, LSTMCell, type LSTMOptions, SimpleRNNCell, StackedRNNCells, type CellOptions } from "./cells.ts";
import { Layer, type LayerOptions, mismatch } from "./layer.ts";
import type { Regularizer } from "./regularizers.ts";
import { maskOf } from "../module/mask.ts";

export interface SequenceOptions extends LayerOptions {
  /** Whether the outputs of all steps come out instead of the last one. Default `false`. */
  returnSequences?: boolean;
  /** Whether the parts of the last state come out too, behind the output. Default `false`. */
  returnState?: boolean;
  /** Goes through the sequence from its end; outputs come in that order. Default `false`. */
  goBackwards?: boolean;
  /** Whether each batch goes on from the state in which the one before ended. Default `false`. */
  stateful?: boolean;
  /** Whether steps that are passed over give zeros instead of the output before them. Default `false`. */
  zeroOutputForMask?: boolean;
  /** Has no effect: a sequence is one loop inside the engine, however it is written. */
  unroll?: boolean;
  /** On what comes out, as a mean over the batch. */
  activityRegularizer?: string | Regularizer;
}

export interface RNNOptions extends SequenceOptions {
  cell: Cell | readonly Cell[];
}

/** A cell taken through sequences. */
export class RNN extends Layer {
  readonly cell: Cell;
  readonly sequence: SequenceOptions;
  readonly #named: boolean;
  #state: Tensor[] | undefined;
  /** Whether steps that are passed over give zeros, instead of the output before them: so under a bidirectional layer. */
  clears: boolean;

  /** `named`: the options of a layer that makes its own cell. */
  constructor(options: RNNOptions, className = "RNN", named?: LayerOptions) {
    super(className, named ?? options);
    this.cell = Array.isArray(options.cell) ? new StackedRNNCells({ cells: options.cell as Cell[] }) : (options.cell as Cell);
    if (!(this.cell instanceof Cell))
      throw new CambiumError("value", this.name, "the cell must be a recurrent cell, or a list of them", "layers.rnn(layers.lstmCell(32))");
    this.sequence = options;
    this.#named = named !== undefined;
    this.clears = options.zeroOutputForMask ?? false;
  }

  override get takesMany(): boolean {
    return true;
  }

  protected override make(input: Shape): void {
    this.cell.build(input.slice(1));
  }

  protected override check(input: Shape): void {
    if (input.length < 2) throw mismatch(this.name, [input[0] ?? 1, 1], [1, ...input]);
  }

  protected override call(x: Tensor, ...given: any[]): Tensor | readonly Tensor[] {
    const { returnSequences = false, returnState = false, goBackwards = false, stateful = false } = this.sequence;
    const batch = x.shape[0]!;
    const states = given.filter((one): one is Tensor => typeof one?.shape === "object");
    const mask = (given.find((one) => one && !states.includes(one)) as { mask?: Tensor } | undefined)?.mask ?? maskOf(x);
    const { cell } = this;
    const shapes = cell.stateShapes(x.shape.slice(2)).map((shape) => [batch, ...shape]);
    if (states.length > 0 && (states.length !== shapes.length || states.some((state, i) => !same(state.shape, shapes[i]!))))
      throw new CambiumError(
        "shape",
        this.name,
        `the initial state must be ${shapes.map(show).join(" and ")}, got ${states.map((state) => show(state.shape)).join(" and ")}`,
      );
    const kept = stateful && this.built ? this.#kept(shapes) : undefined;
    const start = states.length > 0 ? states : (kept ?? shapes.map((shape) => zeros(shape, { dtype: x.dtype })));
    const order = [1, 0, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 2)];
    const next = cell.begin(batch, x.shape.slice(2));
    const output = cell.outputAt(x.shape.slice(2));
    const on = mask?.permute([1, 0]).reshape([x.shape[1]!, batch, ...shapes[output]!.slice(1).map(() => 1)]);
    const [outputs, end] = passage({ z: cell.project(x.permute(order)), start, next, output, reverse: goBackwards, mask: on, holding: true });
    if (kept) for (const [i, state] of kept.entries()) state.assign(end[i]!);
    if (!returnSequences) {
      // Who has taken no step has put out nothing, whatever the state was that it began with.
      const last = goBackwards ? 0 : x.shape[1]! - 1;
      const any =
        on &&
        (this.sequence.zeroOutputForMask
          ? on.slice([last], [last + 1]).squeeze(0)
          : states.length > 0 || kept
            ? on.to("float32").max(0).greater(0)
            : undefined);
      const y = any ? any.where(end[output]!, 0) : end[output]!;
      return returnState ? [y, ...end] : y;
    }
    // In the order in which the steps were taken.
    const taken = goBackwards ? outputs.flip(0) : outputs;
    const begun = on && this.#begun(goBackwards ? on.flip(0) : on, states.length > 0 || kept !== undefined);
    const y = (begun ? begun.where(taken, 0) : taken).permute([1, 0, ...Array.from({ length: taken.rank - 2 }, (_, i) => i + 2)]);
    return returnState ? [y, ...end] : y;
  }

  /** Where outputs stand, for steps `on` in the order in which they are taken: before the first of them there is none yet. */
  #begun(on: Tensor, fromState: boolean): Tensor | undefined {
    if (this.clears) return on;
    return fromState ? on.to("float32").cumSum(0).greater(0) : undefined;
  }

  protected override maskFor(x: Tensor): Tensor | undefined {
    return this.sequence.returnSequences ? maskOf(x) : undefined;
  }

  #kept(shapes: readonly Shape[]): Tensor[] {
    if (!this.#state || this.#state.some((state, i) => !same(state.shape, shapes[i]!))) {
      this.#state = shapes.map((shape) => zeros(shape));
      for (const state of this.#state) state.dataSync();
    }
    return this.#state;
  }

  /** Forgets the state that a stateful layer has kept: the next batch begins new sequences. */
  resetStates(): void {
    this.#state?.forEach((state) => state.assign(zeros(state.shape)));
  }

  /** A layer like this one, with weights of its own, and with these options in place of its. */
  again(options: SequenceOptions): RNN {
    const { inputShape: _, ...config } = this.getConfig();
    const make = this.constructor as new (options: object) => RNN;
    return new make({ ...config, ...(this.#named ? {} : { cell: this.cell.again() }), ...options });
  }

  override getConfig(): Record<string, unknown> {
    const config = super.getConfig();
    return this.#named ? config : { ...config, cell: { className: this.cell.className, config: this.cell.getConfig() } };
  }
}

/** A cell's options without what only the layer around it needs. */
function forCell<O extends LayerOptions>({ name: _, inputShape: __, ...options }: O & SequenceOptions): Omit<O, "name" | "inputShape"> & { name?: string } {
  const {
    returnSequences: a,
    returnState: b,
    goBackwards: c,
    stateful: d,
    trainable: e,
    zeroOutputForMask: f,
    unroll: g,
    activityRegularizer: h,
    ...rest
  } = options as SequenceOptions;
  return rest as never;
}

export type SimpleRNNOptions = CellOptions & SequenceOptions;
export type LSTMLayerOptions = LSTMOptions & SequenceOptions;
export type GRULayerOptions = GRUOptions & SequenceOptions;

export class SimpleRNN extends RNN {
  constructor(options: SimpleRNNOptions) {
    super({ ...options, cell: new SimpleRNNCell(forCell(options) as CellOptions) }, "SimpleRNN", options);
  }
}

export class LSTM extends RNN {
  constructor(options: LSTMLayerOptions) {
    super({ ...options, cell: new LSTMCell(forCell(options) as LSTMOptions) }, "LSTM", options);
  }
}

export class GRU extends RNN {
  constructor(options: GRULayerOptions) {
    super({ ...options, cell: new GRUCell(forCell(options) as GRUOptions) }, "GRU", options);
  }
}

const withUnits = <O extends { units: number }>(units: number | O, options: Omit<O, "units">): O =>
  typeof units === "object" ? units : ({ ...options, units } as unknown as O);

/**
 * A plain recurrent layer: `h' = activation(x · kernel + h · recurrentKernel + bias)` at each step.
 * @shape `[batch, time, inputs]` → `[batch, units]`, or `[batch, time, units]` with `returnSequences`; with `returnState` also the last state
 * @source Keras `SimpleRNN`, start values included
 */
export function simpleRNN(units: number, options?: Omit<SimpleRNNOptions, "units">): SimpleRNN;
export function simpleRNN(options: SimpleRNNOptions): SimpleRNN;
export function simpleRNN(units: number | SimpleRNNOptions, options: Omit<SimpleRNNOptions, "units"> = {}): SimpleRNN {
  return new SimpleRNN(withUnits(units, options));
}

/**
 * Long short-term memory.
 * @shape `[batch, time, inputs]` → `[batch, units]`, or `[batch, time, units]` with `returnSequences`; with `returnState` also h and c
 * @source Keras `LSTM`, start values included; Hochreiter and Schmidhuber (1997)
 * @example
 * ```ts
 * sequential([layers.lstm(128, { inputShape: [28, 28] }), layers.dense(10, { activation: "softmax" })]);
 * ```
 */
export function lstm(units: number, options?: Omit<LSTMLayerOptions, "units">): LSTM;
export function lstm(options: LSTMLayerOptions): LSTM;
export function lstm(units: number | LSTMLayerOptions, options: Omit<LSTMLayerOptions, "units"> = {}): LSTM {
  return new LSTM(withUnits(units, options));
}

/**
 * Gated recurrent units.
 * @shape `[batch, time, inputs]` → `[batch, units]`, or `[batch, time, units]` with `returnSequences`; with `returnState` also the last state
 * @source Keras `GRU`, start values included; Cho et al. (2014)
 */
export function gru(units: number, options?: Omit<GRULayerOptions, "units">): GRU;
export function gru(options: GRULayerOptions): GRU;
export function gru(units: number | GRULayerOptions, options: Omit<GRULayerOptions, "units"> = {}): GRU {
  return new GRU(withUnits(units, options));
}

/**
 * Any cell, or several one on top of another, taken through sequences.
 * @shape as `lstm`
 * @source Keras `RNN`
 * @example
 * ```ts
 * layers.rnn([layers.lstmCell(64), layers.lstmCell(32)], { returnSequences: true });
 * ```
 */
export const rnn = (cell: Cell | readonly Cell[], options: SequenceOptions = {}): RNN => new RNN({ ...options, cell });

/** One step of `simpleRNN`. @source Keras `SimpleRNNCell` */
export const simpleRNNCell = (units: number, options: Omit<CellOptions, "units"> = {}): SimpleRNNCell => new SimpleRNNCell({ ...options, units });

/** One step of `lstm`. @source Keras `LSTMCell` */
export const lstmCell = (units: number, options: Omit<LSTMOptions, "units"> = {}): LSTMCell => new LSTMCell({ ...options, units });

/** One step of `gru`. @source Keras `GRUCell` */
export const gruCell = (units: number, options: Omit<GRUOptions, "units"> = {}): GRUCell => new GRUCell({ ...options, units });

/** Several cells as one. @source Keras `StackedRNNCells` */
export const stackedRNNCells = (cells: readonly Cell[]): StackedRNNCells => new StackedRNNCells({ cells });
