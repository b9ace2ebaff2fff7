import { Tensor } from "../tensor/tensor.ts";
import { fieldsOf } from "./fields.ts";
import { isParameter, zeroGrad } from "./parameter.ts";
import { loadState, type LoadOptions, type LoadReport, readState, type StateDict } from "./state.ts";

/**
 * A part of a model. Its parameters, buffers and sub-modules are found among its own fields, so there is nothing to register:
 * a tensor made trainable is a parameter, any other tensor a buffer, a module (or a list of them) a part.
 * @example
 * ```ts
 * class Perceptron extends nn.Module {
 *   hidden = new nn.Linear(784, 128);
 *   output = new nn.Linear(128, 10);
 *   forward(x: Tensor): Tensor {
 *     return this.output.forward(this.hidden.forward(x).relu());
 *   }
 * }
 * ```
 */
export abstract class Module {
  /** Whether the module behaves as in training (dropout drops, batch normalisation measures the batch). */
  training = true;

  /** What the module makes of its input. */
  abstract forward(...inputs: any[]): any;

  /** The direct parts with their names. */
  *namedChildren(): Generator<[name: string, child: Module]> {
    for (const [name, value] of fieldsOf(this)) if (value instanceof Module) yield [name, value];
  }

  /** The direct parts. */
  children(): Module[] {
    return [...this.namedChildren()].map(([, child]) => child);
  }

  /** This module under `""` and every module within it, each once, with its path. */
  *namedModules(prefix = "", seen: Set<Module> = new Set()): Generator<[path: string, module: Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(join(prefix, name), seen);
  }

  /** This module and every module within it. */
  modules(): Module[] {
    return [...this.namedModules()].map(([, module]) => module);
  }

  /** Every parameter with its path, e.g. `"hidden.weight"`; a parameter used in two places comes once. */
  *namedParameters(prefix = ""): Generator<[path: string, parameter: Tensor]> {
    yield* this.#tensors(prefix, isParameter);
  }

  /** Every parameter: what an optimizer takes. */
  parameters(): Tensor[] {
    return [...this.namedParameters()].map(([, parameter]) => parameter);
  }

  /** Every buffer (running statistics, fixed tables) with its path. */
  *namedBuffers(prefix = ""): Generator<[path: string, buffer: Tensor]> {
    yield* this.#tensors(prefix, (tensor) => !isParameter(tensor));
  }

  buffers(): Tensor[] {
    return [...this.namedBuffers()].map(([, buffer]) => buffer);
  }

  *#tensors(prefix: string, wanted: (tensor: Tensor) => boolean): Generator<[path: string, tensor: Tensor]> {
    const seen = new Set<Tensor>();
    for (const [path, module] of this.namedModules(prefix))
      for (const [name, tensor] of tensorsOf(module)) {
        if (!wanted(tensor) || seen.has(tensor)) continue;
        seen.add(tensor);
        yield [join(path, name), tensor];
      }
  }

  /** Parameters and buffers by path, as they are now: later training does not change what is returned. */
  stateDict(): StateDict {
    return readState(this.#state(""));
  }

  /**
   * Takes over parameters and buffers.
   * @throws a `name` error that lists what is missing and what is unexpected (unless `strict` is false), a `shape` error for what does not fit; then nothing has changed
   */
  loadStateDict(state: Readonly<StateDict>, options?: LoadOptions): LoadReport {
    return loadState(this.constructor.name, this.#state(""), state, options);
  }

  *#state(prefix: string): Generator<[path: string, tensor: Tensor]> {
    const own = [...tensorsOf(this)];
    for (const [name, tensor] of own) if (isParameter(tensor)) yield [join(prefix, name), tensor];
    for (const [name, tensor] of own) if (!isParameter(tensor)) yield [join(prefix, name), tensor];
    for (const [name, child] of this.namedChildren()) yield* child.#state(join(prefix, name));
  }

  /** Sets this module and all within it to training, or with `false` to evaluation. */
  train(on = true): this {
    for (const module of this.modules()) module.training = on;
    return this;
  }

  /** Sets this module and all within it to evaluation. */
  eval(): this {
    return this.train(false);
  }

  /** Freezes all parameters, or thaws them. */
  requiresGrad(on = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = on;
    return this;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    zeroGrad(this.parameters());
  }

  /** Calls `f` with every module within this one, innermost first, and with this one. */
  apply(f: (module: Module) => void): this {
    for (const child of this.children()) child.apply(f);
    f(this);
    return this;
  }

  /** What stands in the parentheses when the module is printed. */
  protected describe(): string {
    return "";
  }

  toString(): string {
    const lines = [...this.namedChildren()].map(([name, child]) => `(${name}): ${indent(child.toString())}`);
    const own = this.describe();
    const name = this.constructor.name;
    if (lines.length === 0) return `${name}(${own})`;
    return `${name}(\n${[...(own ? [own] : []), ...lines].map((line) => `  ${line}\n`).join("")})`;
  }
}

Object.defineProperty(Module.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Module): string {
    return this.toString();
  },
});

function* tensorsOf(module: Module): Generator<[name: string, tensor: Tensor]> {
  for (const [name, value] of fieldsOf(module)) if (value instanceof Tensor) yield [name, value];
}

const join = (prefix: string, name: string): string => (prefix ? `${prefix}.${name}` : name);

const indent = (text: string): string => text.replaceAll("\n", "\n  ");
