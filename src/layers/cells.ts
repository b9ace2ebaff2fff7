/** Keras' recurrent cells: their weights, and one step. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { drop } from "../nn/dropout.ts";
import { get } from "../nn/initializers.ts";
import { expectCount } from "../nn/input.ts";
import { gated, long, simple, type Step } from "../nn/recurrence.ts";
import { concat, ones, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Activation, activation, type ActivationName } from "./activations.ts";
import { type HeldBack, type Initializer, Layer, type LayerOptions } from "./layer.ts";

/** Besides, how the weights begin (`"glorotUniform"`, `"orthogonal"` and `"zeros"`) and are held back. */
export interface CellOptions extends LayerOptions, HeldBack<"kernel" | "recurrent" | "bias"> {
  /** How many numbers come out. */
  units: number;
  /** Of the state. Default `"tanh"`. */
  activation?: ActivationName | (string & {}) | Activation;
  /** Adds a bias. Default `true`. */
  useBias?: boolean;
  /** In training, the chance of an input to be put to 0, the same at all steps. Default 0. */
  dropout?: number;
  /** The same for what the state gives. Default 0. */
  recurrentDropout?: number;
}

export interface GateOptions extends CellOptions {
  /** Of the gates. Default `"sigmoid"`. */
  recurrentActivation?: ActivationName | (string & {}) | Activation;
}

export interface LSTMOptions extends GateOptions {
  /** Whether the bias of the forget gate starts as ones. Default `true`. */
  unitForgetBias?: boolean;
}

export interface GRUOptions extends GateOptions {
  /** Whether the reset gate comes behind the product. Default `true`. */
  resetAfter?: boolean;
}

/** What goes from step to step: one tensor a part, each `[batch, size]`. */
export type State = readonly Tensor[];

/** What a recurrent layer needs of its cell. */
export abstract class Cell extends Layer {
  /** Sizes of the parts of one sample's state, for steps of the given sizes. */
  abstract stateShapes(input: Shape): readonly Shape[];
  /** Which part of the state is the output. */
  outputAt(_input: Shape): number {
    return 0;
  }
  /** What the input gives to a step, `[..., inputs]` → `[..., any]`; asked for all steps at once. */
  abstract project(x: Tensor): Tensor;
  /** How the state goes on within one sequence of so many samples: what is drawn by chance is drawn here, once for all steps. */
  abstract begin(batch: number, input: Shape): (z: Tensor, state: State) => Tensor[];

  /** A cell like this one, with weights of its own. */
  again(): Cell {
    const make = this.constructor as new (options: object) => Cell;
    return new make(this.getConfig());
  }

  override get takesMany(): boolean {
    return true;
  }

  /** One step: the next state. Without a state it starts from zeros. */
  protected override call(x: Tensor, ...state: Tensor[]): readonly Tensor[] {
    const input = x.shape.slice(1);
    const given = state.length > 0 ? state : this.stateShapes(input).map((shape) => zeros([x.shape[0]!, ...shape]));
    return this.begin(x.shape[0]!, input)(this.project(x), given);
  }
}

/** Complains unless dropout of input and state are chances. */
export function checkChances(where: string, options: Pick<CellOptions, "dropout" | "recurrentDropout">): void {
  for (const name of ["dropout", "recurrentDropout"] as const) {
    const { [name]: rate = 0 } = options;
    if (!(rate >= 0 && rate < 1)) throw new CambiumError("value", where, `${name} is ${rate}; it is a chance from 0 to below 1`);
  }
}

/** A start for the bias of a long memory's gates: that of the forget gate starts as ones. @source Jozefowicz, Zaremba and Sutskever (2015) */
export function forgetting(initializer: Initializer, units: number): Initializer {
  const start = get(initializer);
  return (_, fans) => concat([start([units], fans), ones([units]), start([2 * units], fans)]);
}

/** What the three kinds of cells share. */
abstract class Gates extends Cell {
  /** [inputs, gates · units] */
  kernel: Tensor | undefined = undefined;
  /** [units, gates · units] */
  recurrentKernel: Tensor | undefined = undefined;
  /** [gates · units], or [2, gates · units] where the state's product has a bias of its own. */
  bias: Tensor | undefined = undefined;
  protected readonly options: CellOptions;
  protected readonly curve: Activation;
  readonly #gates: number;

  protected constructor(className: string, gates: number, options: CellOptions) {
    super(className, options);
    expectCount(this.name, "units", options.units);
    checkChances(this.name, options);
    this.options = options;
    this.curve = activation(this.name, options.activation ?? "tanh");
    this.#gates = gates;
  }

  /** Rows of the bias. */
  protected get biasRows(): number {
    return 1;
  }

  protected override make(input: Shape): void {
    const { units, useBias = true, biasInitializer = "zeros", biasRegularizer, biasConstraint } = this.options;
    const width = this.#gates * units;
    this.kernel = this.named("kernel", [input.at(-1)!, width], "glorotUniform");
    this.recurrentKernel = this.named("recurrent", [units, width], "orthogonal");
    if (useBias)
      this.bias = this.weight(this.biasRows > 1 ? [this.biasRows, width] : [width], {
        initializer: this.biasStart(biasInitializer),
        regularizer: biasRegularizer,
        constraint: biasConstraint,
      });
  }

  protected biasStart(initializer: Initializer): Initializer {
    return initializer;
  }

  stateShapes(_input: Shape): readonly Shape[] {
    return [[this.options.units]];
  }

  /** The biases of the input's and of the state's product. */
  protected get biases(): readonly (Tensor | undefined)[] {
    return this.bias && this.biasRows > 1 ? [0, 1].map((row) => this.bias!.slice([row], [row + 1]).squeeze(0)) : [this.bias, undefined];
  }

  project(x: Tensor): Tensor {
    const { dropout = 0 } = this.options;
    const kept = this.training && dropout > 0 ? drop(x, dropout, x.rank > 2 ? [1, ...x.shape.slice(1)] : x.shape) : x;
    const z = kept.matmul(this.kernel!);
    const [bias] = this.biases;
    return bias ? z.add(bias) : z;
  }

  begin(batch: number): (z: Tensor, state: State) => Tensor[] {
    const { recurrentDropout = 0, units } = this.options;
    const mask = this.training && recurrentDropout > 0 ? drop(ones([batch, units]), recurrentDropout) : undefined;
    return (z, state) => this.next(z, mask ? state[0]!.mul(mask) : state[0]!, state);
  }

  /** `h` is the output before, perhaps thinned out. */
  protected next(z: Tensor, h: Tensor, state: State): Tensor[] {
    const product = h.matmul(this.recurrentKernel!);
    const [, bias] = this.biases;
    return this.step(z, bias ? product.add(bias) : product, [h, ...state.slice(1)]);
  }

  protected abstract get step(): Step;
}

export class SimpleRNNCell extends Gates {
  protected readonly step: Step;

  constructor(options: CellOptions) {
    super("SimpleRNNCell", 1, options);
    this.step = simple(this.curve);
  }
}

export class LSTMCell extends Gates {
  protected readonly step: Step;
  readonly #options: LSTMOptions;

  constructor(options: LSTMOptions) {
    super("LSTMCell", 4, options);
    this.#options = options;
    this.step = long(this.curve, activation(this.name, options.recurrentActivation ?? "sigmoid"));
  }

  override stateShapes(_input: Shape): readonly Shape[] {
    return [[this.options.units], [this.options.units]];
  }

  protected override biasStart(initializer: Initializer): Initializer {
    const { units, unitForgetBias = true } = this.#options;
    return unitForgetBias ? forgetting(initializer, units) : initializer;
  }
}

export class GRUCell extends Gates {
  protected readonly step: Step;
  readonly #gate: Activation;
  readonly #resetAfter: boolean;

  constructor(options: GRUOptions) {
    super("GRUCell", 3, options);
    this.#gate = activation(this.name, options.recurrentActivation ?? "sigmoid");
    this.#resetAfter = options.resetAfter ?? true;
    this.step = gated("updateFirst", this.curve, this.#gate);
  }

  protected override get biasRows(): number {
    return this.#resetAfter ? 2 : 1;
  }

  protected override next(z: Tensor, h: Tensor, state: State): Tensor[] {
    if (this.#resetAfter) return super.next(z, h, state);
    const { units } = this.options;
    const weight = this.recurrentKernel!;
    const [zu, zr, zc] = z.split(3, -1) as [Tensor, Tensor, Tensor];
    const [ru, rr] = h.matmul(weight.slice([0, 0], [units, 2 * units])).split(2, -1) as [Tensor, Tensor];
    const [update, reset] = [this.#gate(zu.add(ru)), this.#gate(zr.add(rr))];
    const candidate = this.curve(zc.add(reset.mul(h).matmul(weight.slice([0, 2 * units], [units, 3 * units]))));
    return [candidate.add(update.mul(h.sub(candidate)))];
  }
}

/** Several cells as one: each gets what the one before gives. */
export class StackedRNNCells extends Cell {
  readonly cells: Cell[];

  constructor({ cells, ...options }: LayerOptions & { cells: readonly Cell[] }) {
    super("StackedRNNCells", options);
    this.cells = [...cells];
  }

  protected override make(input: Shape): void {
    for (const [i, own] of this.#inputs(input).entries()) this.cells[i]!.build(own);
  }

  /** For each cell, the sizes of its input. */
  #inputs(input: Shape): Shape[] {
    const inputs: Shape[] = [];
    for (const cell of this.cells) {
      inputs.push(input);
      input = cell.stateShapes(input)[cell.outputAt(input)]!;
    }
    return inputs;
  }

  stateShapes(input: Shape): readonly Shape[] {
    const inputs = this.#inputs(input);
    return this.cells.flatMap((cell, i) => cell.stateShapes(inputs[i]!));
  }

  override outputAt(input: Shape): number {
    return this.#inputs(input).reduce((at, own, i) => at + (i < this.cells.length - 1 ? this.cells[i]!.stateShapes(own).length : 0), 0);
  }

  project(x: Tensor): Tensor {
    return this.cells[0]!.project(x);
  }

  begin(batch: number, input: Shape): (z: Tensor, state: State) => Tensor[] {
    const inputs = this.#inputs(input);
    const steps = this.cells.map((cell, i) => cell.begin(batch, inputs[i]!));
    const counts = this.cells.map((cell, i) => cell.stateShapes(inputs[i]!).length);
    return (z, state) => {
      let at = 0;
      let input = z;
      return this.cells.flatMap((cell, i) => {
        const own = state.slice(at, (at += counts[i]!));
        const next = steps[i]!(i === 0 ? input : cell.project(input), own);
        input = next[cell.outputAt(inputs[i]!)]!;
        return next;
      });
    };
  }

  override again(): StackedRNNCells {
    return new StackedRNNCells({ cells: this.cells.map((cell) => cell.again()) });
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), cells: this.cells.map((cell) => ({ className: cell.className, config: cell.getConfig() })) };
  }
}
