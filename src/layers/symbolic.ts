import { CambiumError } from "../base/error.ts";
import type { DType } from "../base/dtype.ts";
import { type Shape, show } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What may stand at a place in a graph of layers: a layer, or a whole model. */
export interface Part {
  readonly name: string;
  /** Of parts that read what no tensor holds: sizes of what is read of one sample of each input; undefined where the data decide. */
  readShape?(...inputs: Shape[]): Shape | undefined;
  /** Makes the weights for samples of the given sizes and returns the sizes of the results, one entry a result. */
  shapesFor(inputs: readonly Shape[], options: CallOptions | undefined): readonly Shape[];
}

/** What a layer is told at one of its uses, besides its inputs; plain data, so that it can be saved. */
export type CallOptions = Readonly<Record<string, unknown>>;

/** One use of a part: from which values it makes which. */
export class Application {
  readonly part: Part;
  readonly inputs: readonly SymbolicTensor[];
  readonly options: CallOptions | undefined;
  readonly outputs: readonly SymbolicTensor[];

  constructor(part: Part, inputs: readonly SymbolicTensor[], options: CallOptions | undefined, shapes: readonly Shape[]) {
    this.part = part;
    this.inputs = inputs;
    this.options = options;
    this.outputs = shapes.map((shape, index) => new SymbolicTensor(shape, "float32", this, index));
  }
}

/** A tensor's place in a model that is being put together: it has sizes, but no numbers. Layers are applied to it, and so are the tensor methods. */
export class SymbolicTensor {
  /** Sizes of one sample. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** The use that makes it, and which of its results this is. */
  readonly from: Application;
  readonly index: number;

  constructor(shape: Shape, dtype: DType, from: Application, index: number) {
    this.shape = shape;
    this.dtype = dtype;
    this.from = from;
    this.index = index;
  }

  /** The layer that makes it, by name. */
  get name(): string {
    return this.from.part.name;
  }

  toString(): string {
    return `SymbolicTensor(${this.name}, (${["batch", ...this.shape].join(", ")}))`;
  }
}

/** Either alone, or with `more`, or a list, as layers take them; an object at the end is options. */
export type Given<T> = readonly [T | readonly T[], ...(T | CallOptions)[]];

/** The inputs a layer was given, and the options behind them. */
export function inputsOf<T extends object>(
  given: readonly unknown[],
  isInput: (x: unknown) => x is T,
): { inputs: readonly T[]; options: CallOptions | undefined } {
  const list = Array.isArray(given[0]) ? [...(given[0] as unknown[]), ...given.slice(1)] : given;
  const last = list.at(-1);
  const plain = list.length > 1 && typeof last === "object" && last !== null && Object.getPrototypeOf(last) === Object.prototype && !isInput(last);
  return { inputs: (plain ? list.slice(0, -1) : list) as readonly T[], options: plain ? (last as CallOptions) : undefined };
}

export const isSymbolic = (x: unknown): x is SymbolicTensor => x instanceof SymbolicTensor;

/** Whether a layer was given symbolic tensors and no numbers. */
export const areSymbolic = (given: readonly unknown[]): boolean => isSymbolic(Array.isArray(given[0]) ? given[0][0] : given[0]);

/** Uses `part` on symbolic tensors: one result, or a list of several. */
export function applied(part: Part, given: readonly unknown[]): SymbolicTensor | SymbolicTensor[] {
  const { inputs, options } = inputsOf(given, isSymbolic);
  const stray = inputs.findIndex((x) => !isSymbolic(x));
  if (inputs.length === 0 || stray >= 0)
    throw new CambiumError(
      "value",
      `${part.name}.apply`,
      inputs.length === 0 ? "got nothing to be applied to" : `input ${stray} is ${described(inputs[stray])}, not a symbolic tensor`,
      "begin with input({ shape: [784] }); for numbers use forward(x)",
    );
  const shapes = inputs.map((x) => x.shape);
  const read = part.readShape?.(...shapes);
  if (part.readShape && !read)
    throw new CambiumError("state", `${part.name}.apply`, "how much it reads of a sample is not known", "say outputSequenceLength, and call adapt before");
  const { outputs } = new Application(part, inputs, options, part.shapesFor(read ? [read] : shapes, options));
  return outputs.length === 1 ? outputs[0]! : [...outputs];
}

const described = (x: unknown): string =>
  x === null || x === undefined ? String(x) : Array.isArray(x) ? "an array" : typeof x === "object" ? `a ${x.constructor.name}` : `a ${typeof x}`;

/** What to throw when one of several inputs is none. */
export function notATensor(where: string, x: unknown): CambiumError {
  return new CambiumError("value", where, `expected a tensor, got ${Array.isArray(x) ? "an array" : x === null ? "null" : typeof x}`, "wrap it: tensor(x)");
}

/** The sizes of batches, for messages. */
export const shown = (batches: readonly Tensor[]): string => batches.map((x) => show(x.shape)).join(", ");
