import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { zeros } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { gated, long, projected, type Step } from "./recurrence.ts";
import { curveOf } from "./recurrent.ts";
import { uniform } from "./start.ts";

export interface CellOptions {
  /** Adds biases. Default `true`. */
  bias?: boolean;
}

/** What cells share: one step of a recurrent module. */
abstract class Cell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** [gates · hiddenSize, inputSize] */
  weightIh: Tensor;
  /** [gates · hiddenSize, hiddenSize] */
  weightHh: Tensor;
  biasIh: Tensor | undefined;
  biasHh: Tensor | undefined;
  readonly #step: Step;

  protected constructor(gates: number, step: Step, inputSize: number, hiddenSize: number, { bias = true }: CellOptions) {
    super();
    expectCount(this.constructor.name, "inputSize", inputSize);
    expectCount(this.constructor.name, "hiddenSize", hiddenSize);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.#step = step;
    const start = uniform(-1 / Math.sqrt(hiddenSize), 1 / Math.sqrt(hiddenSize));
    const rows = gates * hiddenSize;
    const made = (columns?: number): Tensor => parameter(start(columns === undefined ? [rows] : [rows, columns], { in: hiddenSize, out: rows }));
    this.weightIh = made(inputSize);
    this.weightHh = made(hiddenSize);
    this.biasIh = bias ? made() : undefined;
    this.biasHh = bias ? made() : undefined;
  }

  /** The state after one step; `given` has `parts` parts, zeros where it is left out. */
  protected next(x: Tensor, given: readonly Tensor[] | undefined, parts: number): Tensor[] {
    const where = `${this.constructor.name}(${this.inputSize} → ${this.hiddenSize})`;
    expectTensor(where, x, this.weightIh);
    expectSize(where, x, -1, this.inputSize, `[batch, ${this.inputSize}] or [${this.inputSize}]`);
    const wanted = [...x.shape.slice(0, -1), this.hiddenSize];
    const state = given ?? Array.from({ length: parts }, () => zeros(wanted, { dtype: x.dtype }));
    for (const part of state)
      if (!(part instanceof Tensor) || !same(part.shape, wanted))
        throw new CambiumError("shape", where, `the state must be ${show(wanted)}, got ${part instanceof Tensor ? show(part.shape) : typeof part}`);
    const [z, r] = [projected(x, this.weightIh.permute([1, 0]), this.biasIh), projected(state[0]!, this.weightHh.permute([1, 0]), this.biasHh)];
    return this.#step(z, r, state);
  }

  protected override describe(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh ? "" : `, ${shown({ bias: false })}`}`;
  }
}

export interface RNNCellOptions extends CellOptions {
  /** Default `"tanh"`. */
  nonlinearity?: "tanh" | "relu";
}

/**
 * One step of `RNN`.
 * @shape [batch, inputSize] and [batch, hiddenSize] → [batch, hiddenSize], also without batch
 * @source PyTorch `nn.RNNCell`
 */
export class RNNCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    super(1, curveOf("RNNCell", options.nonlinearity ?? "tanh"), inputSize, hiddenSize, options);
  }

  forward(x: Tensor, h?: Tensor): Tensor {
    return this.next(x, h && [h], 1)[0]!;
  }
}

/**
 * One step of `GRU`.
 * @shape as `RNNCell`
 * @source PyTorch `nn.GRUCell`
 */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(3, gated("resetFirst"), inputSize, hiddenSize, options);
  }

  forward(x: Tensor, h?: Tensor): Tensor {
    return this.next(x, h && [h], 1)[0]!;
  }
}

/**
 * One step of `LSTM`: the next `[h, c]`.
 * @shape [batch, inputSize] and [h, c] of [batch, hiddenSize] → [h, c] of [batch, hiddenSize], also without batch
 * @source PyTorch `nn.LSTMCell`
 */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(4, long(), inputSize, hiddenSize, options);
  }

  forward(x: Tensor, state?: readonly [h: Tensor, c: Tensor]): [h: Tensor, c: Tensor] {
    return this.next(x, state, 2) as [Tensor, Tensor];
  }
}
