import { CambiumError } from "../base/error.ts";
import * as ops from "../ops/table.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { isSymbolic, SymbolicTensor } from "./symbolic.ts";

export interface OperationOptions extends LayerOptions {
  /** The tensor method. */
  op: string;
  /** Its arguments; `{ input: 1 }` stands for the layer's second input. */
  args?: readonly unknown[];
}

/** Methods that are made of other ops and so are not in the table under their own name. */
const composed = ["transpose", "moveAxis", "squeeze", "expandDims", "flatten", "tile", "to"] as const;

const known = (name: string): boolean =>
  (name in ops || (composed as readonly string[]).includes(name)) && typeof (Tensor.prototype as unknown as Record<string, unknown>)[name] === "function";

const isInput = (arg: unknown): arg is { input: number } => typeof arg === "object" && arg !== null && "input" in arg;

/** A tensor method as a layer: what stands in a model for arithmetic between layers. */
export class Operation extends Layer {
  readonly #op: string;
  readonly #args: readonly unknown[];

  constructor(options: OperationOptions) {
    super("Operation", options);
    if (typeof options.op !== "string" || !known(options.op)) throw new CambiumError("name", this.name, `there is no tensor method "${String(options.op)}"`);
    this.#op = options.op;
    this.#args = options.args ?? [];
  }

  override get takesMany(): boolean {
    return true;
  }

  protected override call(...inputs: [Tensor, ...Tensor[]]): Tensor {
    const method = (inputs[0] as unknown as Record<string, (...args: unknown[]) => Tensor>)[this.#op]!;
    return method.apply(
      inputs[0],
      this.#args.map((arg) => (isInput(arg) ? inputs[arg.input] : arg)),
    );
  }
}

/** The tensor methods that give one tensor, on symbolic tensors. */
type Methods = {
  [K in keyof Tensor as Tensor[K] extends (...args: any[]) => Tensor ? K : never]: Tensor[K] extends (...args: infer A) => Tensor
    ? (...args: { [I in keyof A]: A[I] extends infer T ? (Tensor extends T ? T | SymbolicTensor : T) : never }) => SymbolicTensor
    : never;
};

declare module "./symbolic.ts" {
  interface SymbolicTensor extends Methods {}
}

for (const name of Object.getOwnPropertyNames(Tensor.prototype))
  if (known(name))
    Object.defineProperty(SymbolicTensor.prototype, name, {
      value(this: SymbolicTensor, ...args: unknown[]): SymbolicTensor {
        const inputs: SymbolicTensor[] = [this];
        const plain = args.map((arg) => (isSymbolic(arg) ? { input: inputs.push(arg) - 1 } : arg));
        return new Operation({ op: name, args: plain }).apply(inputs);
      },
      configurable: true,
      writable: true,
    });
