import { type DType, isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";
import { fieldsOf } from "./fields.ts";
import { isParameter, zeroGrad } from "./parameter.ts";
import { type FlowHook, type Forward, watched } from "./watch.ts";
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

  /** The tensors this module itself holds, parameters and buffers, with their names. */
  *namedTensors(): Generator<[name: string, tensor: Tensor]> {
    for (const [name, value] of fieldsOf(this)) if (value instanceof Tensor) yield [name, value];
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
      for (const [name, tensor] of module.namedTensors()) {
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
    const own = [...this.namedTensors()];
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

  /**
   * Makes parameters and buffers that hold fractions hold them as `dtype`, here and within; gradients are forgotten.
   * An optimizer is made after it: its memory has the dtype that parameters had.
   * @throws a `dtype` error for a dtype of whole numbers
   */
  to(dtype: DType): this {
    if (!isFloat(dtype)) throw new CambiumError("dtype", `${this.constructor.name}.to`, `${dtype} holds no fractions, which parameters need`);
    const tensors = [...this.parameters(), ...this.buffers()].filter((tensor) => isFloat(tensor.dtype) && tensor.dtype !== dtype);
    for (const tensor of tensors) tensor.grad = undefined;
    assignAll(tensors.map((tensor) => [tensor, tensor.detach().to(dtype)] as const));
    return this;
  }

  /** As `to("float64")`. */
  double(): this {
    return this.to("float64");
  }

  /** As `to("float32")`. */
  float(): this {
    return this.to("float32");
  }

  /** As `to("float16")`. */
  half(): this {
    return this.to("float16");
  }

  /** As `to("bfloat16")`. */
  bfloat16(): this {
    return this.to("bfloat16");
  }

  /**
   * The module at `path`, as in `"encoder.0"`; at `""`, this one.
   * @throws a `name` error when there is none
   */
  getSubmodule(path: string): Module {
    const all = new Map(this.namedModules());
    const found = all.get(path);
    if (found) return found;
    throw unknownName(this.constructor.name, "part", path, all.keys());
  }

  /**
   * The parameter at `path`, as in `"encoder.0.weight"`.
   * @throws a `name` error when there is none
   */
  getParameter(path: string): Tensor {
    const all = new Map(this.namedParameters());
    const found = all.get(path);
    if (found) return found;
    throw unknownName(this.constructor.name, "parameter", path, all.keys());
  }

  /**
   * Calls `hook` with this module, its inputs and its output after each `forward`; what it returns takes the output's place. In a compiled function, once, while it is traced.
   * @returns what takes the hook off
   */
  registerForwardHook(hook: (module: this, inputs: any[], output: any) => unknown): () => void {
    return hooked(this, (forward) => (...inputs) => {
      const output = forward(...inputs);
      return hook(this, inputs, output) ?? output;
    });
  }

  /**
   * Calls `hook` with this module and its inputs before each `forward`; a list that it returns takes the inputs' place.
   * @returns what takes the hook off
   */
  registerForwardPreHook(hook: (module: this, inputs: any[]) => any[] | undefined | void): () => void {
    return hooked(
      this,
      (forward) =>
        (...inputs) =>
          forward(...(hook(this, inputs) ?? inputs)),
    );
  }

  /**
   * Calls `hook` at each `backward()` with this module and the gradients of its inputs and of its output, a list each; `undefined` stands for an input that none flows to.
   * Of a module of one input, a list that it returns takes the gradient's place. In a compiled function, once, while it is traced.
   * @returns what takes the hook off
   * @source PyTorch `Module.register_full_backward_hook`
   */
  registerFullBackwardHook(hook: (module: this, ...flows: Parameters<FlowHook>) => ReturnType<FlowHook>): () => void {
    return hooked(
      this,
      (forward) =>
        (...inputs) =>
          watched(inputs, forward, (gradInput, gradOutput) => hook(this, gradInput, gradOutput)),
    );
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

type Hook = (forward: Forward) => Forward;

const hooks = new WeakMap<Module, Set<Hook>>();

/** Lets `hook` stand around the module's forward, inside of hooks that come later. A module without hooks pays nothing. */
function hooked(module: Module, hook: Hook): () => void {
  const all = hooks.get(module) ?? new Set();
  hooks.set(module, all.add(hook));
  const settle = (): void => {
    delete (module as { forward?: Forward }).forward;
    if (all.size === 0) return;
    const own = module.forward.bind(module);
    Object.defineProperty(module, "forward", {
      value: [...all].reduce((forward, around) => around(forward), own as Forward),
      configurable: true,
      enumerable: false,
    });
  };
  settle();
  return () => {
    all.delete(hook);
    settle();
  };
}

const join = (prefix: string, name: string): string => (prefix ? `${prefix}.${name}` : name);

const indent = (text: string): string => text.replaceAll("\n", "\n  ");
