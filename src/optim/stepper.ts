import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { scalar } from "../graph/node.ts";
import { constrained } from "../module/parameter.ts";
import { full, zeros } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Rule } from "./rule.ts";

/** What an optimizer does besides its rule. */
export interface Settings {
  /** How much of each parameter is taken away at each step. */
  weightDecay?: number;
  /** Whether decay is taken off the parameter itself (times the rate) instead of being added to its gradient. */
  decoupled?: boolean;
  /** Climbs instead. */
  maximize?: boolean;
}

/** A number that may change from step to step, without a program having to be compiled anew. */
function reading(read: () => number): Tensor {
  const node = scalar(read(), "float32");
  node.owner = read;
  return new Tensor(node);
}

/** One rule at work on some parameters, with what it remembers of them. */
export class Stepper {
  readonly parameters: readonly Tensor[];
  readonly #rule: Rule;
  readonly #settings: Settings;
  readonly #count: Tensor = zeros([]);
  readonly #slots: readonly Record<string, Tensor>[];

  constructor(parameters: readonly Tensor[], rule: Rule, settings: Settings = {}) {
    this.parameters = parameters;
    this.#rule = rule;
    this.#settings = settings;
    this.#slots = parameters.map(({ shape, dtype }) =>
      Object.fromEntries(Object.entries(rule.slots).map(([name, start]) => [name, full(shape, start, { dtype })])),
    );
  }

  /** What every tensor is to become after a step of the given size; parameters without a gradient stay. */
  changes(rate: () => number, gradients: readonly (Tensor | undefined)[] = this.parameters.map(({ grad }) => grad)): [Tensor, Tensor][] {
    const { weightDecay = 0, decoupled = false, maximize = false } = this.#settings;
    const by = reading(rate);
    const count = this.#rule.counts ? this.#count.add(1) : this.#count;
    const common = this.#rule.common?.(by, count) ?? {};
    const pairs: [Tensor, Tensor][] = this.#rule.counts ? [[this.#count, count]] : [];
    this.parameters.forEach((parameter, i) => {
      const given = gradients[i];
      if (!given) return;
      const slots = this.#slots[i]!;
      const upward = maximize ? given.neg() : given;
      const gradient = weightDecay !== 0 && !decoupled ? upward.add(parameter.mul(weightDecay)) : upward;
      const start = weightDecay !== 0 && decoupled ? parameter.sub(parameter.mul(by.mul(weightDecay))) : parameter;
      const next = this.#rule.step({ parameter: start, gradient, slots, rate: by, count, common });
      pairs.push([parameter, constrained(parameter, next.parameter)]);
      for (const [name, value] of Object.entries(next.slots)) pairs.push([slots[name]!, value]);
    });
    return pairs;
  }

  /** What is remembered, under the names of the parameters. */
  *memory(names: readonly string[]): Generator<[name: string, tensor: Tensor]> {
    if (this.#rule.counts) yield ["count", this.#count];
    for (const [i, slots] of this.#slots.entries()) for (const [name, tensor] of Object.entries(slots)) yield [`${names[i]}.${name}`, tensor];
  }
}

/** What tensors have to become for a memory to hold what `state` says. */
export function restored(where: string, memory: Iterable<[name: string, tensor: Tensor]>, state: Readonly<Record<string, Tensor>>): [Tensor, Tensor][] {
  return [...memory].map(([name, tensor]) => {
    const value = state[name];
    if (!value) throw new CambiumError("name", where, `the state lacks "${name}"`, "it seems to belong to another optimizer, or to other parameters");
    if (!same(value.shape, tensor.shape))
      throw new CambiumError("shape", where, `"${name}" is ${show(tensor.shape)} here and ${show(value.shape)} in the state`);
    return [tensor, value.to(tensor.dtype)];
  });
}
