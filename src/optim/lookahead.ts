import { CambiumError } from "../base/error.ts";
import { full } from "../tensor/create.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import type { OptimizerState, Stepping } from "./optimizer.ts";
import type { Change } from "./stepper.ts";

export interface LookaheadOptions {
  /** After how many steps parameters go back. Default 5. */
  k?: number;
  /** How much of the way they keep. Default 0.5. */
  alpha?: number;
}

/**
 * Any optimizer, whose parameters every `k` steps go back part of the way they came.
 * @source Zhang et al., "Lookahead optimizer: k steps forward, 1 step back" (2019)
 * @example
 * ```ts
 * const optimizer = new optim.Lookahead(new optim.Adam(model.parameters()), { k: 5, alpha: 0.5 });
 * ```
 */
export class Lookahead<Inner extends Stepping & { stateDict(): OptimizerState; loadStateDict(state: OptimizerState): void }> implements Stepping {
  readonly optimizer: Inner;
  readonly #k: number;
  readonly #alpha: number;
  readonly #steps: Tensor = full([], 0);
  readonly #slow: Map<Tensor, Tensor> = new Map();

  constructor(optimizer: Inner, { k = 5, alpha = 0.5 }: LookaheadOptions = {}) {
    if (!Number.isInteger(k) || k < 1) throw new CambiumError("value", "Lookahead", `k is ${k}; it is a whole number of steps from 1`);
    if (!(alpha > 0 && alpha <= 1)) throw new CambiumError("value", "Lookahead", `alpha is ${alpha}; it is a share above 0, at most 1`);
    [this.optimizer, this.#k, this.#alpha] = [optimizer, k, alpha];
    for (const { params } of optimizer.paramGroups) for (const parameter of params) this.#slow.set(parameter, parameter.detach());
  }

  get paramGroups(): Inner["paramGroups"] {
    return this.optimizer.paramGroups;
  }

  zeroGrad(): void {
    this.optimizer.zeroGrad();
  }

  step(): void {
    assignAll(this.changes());
  }

  /** @internal What a step would change. */
  changes(): Change[] {
    const steps = this.#steps.add(1);
    const due = steps.mod(this.#k).equal(0);
    const changes: Change[] = [[this.#steps, steps]];
    for (const [tensor, next] of this.optimizer.changes()) {
      const slow = this.#slow.get(tensor);
      if (!slow) changes.push([tensor, next]);
      else {
        const met = slow.lerp(next, this.#alpha);
        changes.push([tensor, due.where(met, next)], [slow, due.where(met, slow)]);
      }
    }
    return changes;
  }

  stateDict(): OptimizerState & { readonly lookahead: Readonly<Record<string, Tensor>> } {
    const slow = [...this.#slow.values()].map((tensor, i) => [String(i), tensor.detach()]);
    return { ...this.optimizer.stateDict(), lookahead: { steps: this.#steps.detach(), ...Object.fromEntries(slow) } };
  }

  loadStateDict(state: OptimizerState & { readonly lookahead: Readonly<Record<string, Tensor>> }): void {
    const { steps, ...slow } = state.lookahead ?? {};
    const own = [...this.#slow.values()];
    if (!steps || own.some((_, i) => !slow[i]))
      throw new CambiumError("name", "Lookahead.loadStateDict", "the state lacks what Lookahead remembers", "it seems to be that of the optimizer within");
    this.optimizer.loadStateDict(state);
    assignAll([[this.#steps, steps], ...own.map((tensor, i): Change => [tensor, slow[i]!])]);
  }
}
