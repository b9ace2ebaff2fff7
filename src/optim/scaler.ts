import { CambiumError } from "../base/error.ts";
import { readState } from "../module/state.ts";
import { tensor } from "../tensor/create.ts";
import { noGrad } from "../tensor/functional.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import { currentTrace } from "../tensor/trace.ts";
import type { Stepping } from "./optimizer.ts";

export interface GradScalerOptions {
  /** What the loss is multiplied with at first. Default 65536. */
  initScale?: number;
  /** What the scale is multiplied with after `growthInterval` steps in a row without overflow. Default 2. */
  growthFactor?: number;
  /** What the scale is multiplied with after an overflow. Default 0.5. */
  backoffFactor?: number;
  /** Default 2000. */
  growthInterval?: number;
  /** With `false`, it does nothing but pass on. Default `true`. */
  enabled?: boolean;
}

/** An optimizer between its gradients and the scaler's `update()`. */
interface Under {
  /** 1 where a gradient is NaN or infinite. */
  found: Tensor | undefined;
  unscaled: boolean;
  stepped: boolean;
}

/**
 * Keeps small gradients of 16-bit floats from vanishing: the loss is multiplied by a scale and gradients divided by it. A step whose gradients overflow is skipped
 * and the scale lowered; after many without, it is raised. All of it is part of the graph, so it works inside a compiled step.
 * @source PyTorch `torch.amp.GradScaler`
 * @example
 * ```ts
 * const loss = amp.autocast("float16", () => criterion.forward(model.forward(x), y));
 * optimizer.zeroGrad();
 * scaler.scale(loss).backward();
 * scaler.step(optimizer);
 * scaler.update();
 * ```
 */
export class GradScaler {
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  readonly enabled: boolean;
  readonly #scale: Tensor;
  readonly #tracker: Tensor = tensor(0);
  #under = new Map<Stepping, Under>();

  constructor({ initScale = 2 ** 16, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000, enabled = true }: GradScalerOptions = {}) {
    if (!(growthFactor > 1)) throw new CambiumError("value", "GradScaler", `growthFactor is ${growthFactor}; it is a number above 1`);
    if (!(backoffFactor > 0 && backoffFactor < 1))
      throw new CambiumError("value", "GradScaler", `backoffFactor is ${backoffFactor}; it is a number between 0 and 1`);
    if (!(initScale > 0)) throw new CambiumError("value", "GradScaler", `initScale is ${initScale}; it is a number above 0`);
    if (!(Number.isInteger(growthInterval) && growthInterval > 0))
      throw new CambiumError("value", "GradScaler", `growthInterval is ${growthInterval}; it is a whole number from 1`);
    this.growthFactor = growthFactor;
    this.backoffFactor = backoffFactor;
    this.growthInterval = growthInterval;
    this.enabled = enabled;
    this.#scale = tensor(initScale);
  }

  /** The loss, times the scale. */
  scale(loss: Tensor): Tensor {
    return this.enabled ? loss.to("float32").mul(this.#scale) : loss;
  }

  /**
   * Divides the gradients of an optimizer's parameters by the scale: before they are clipped, say. `step` does it otherwise.
   * @throws a `state` error when it is called twice between two updates
   */
  unscale(optimizer: Stepping): void {
    if (!this.enabled) return;
    const under = this.#of(optimizer);
    if (under.unscaled)
      throw new CambiumError("state", "GradScaler.unscale", "the gradients of this optimizer have been divided already since the last update()");
    under.unscaled = true;
    const inverse = this.#scale.reciprocal();
    const trace = currentTrace();
    for (const { params } of optimizer.paramGroups)
      for (const parameter of params) {
        if (!parameter.grad) continue;
        trace?.touchGrad(parameter);
        const gradient = parameter.grad.mul(inverse.to(parameter.grad.dtype));
        parameter.grad = gradient;
        const bad = gradient.isFinite().logicalNot().any();
        under.found = under.found ? under.found.logicalOr(bad) : bad;
      }
  }

  /**
   * The optimizer's step, unless a gradient is NaN or infinite: then parameters, and what the optimizer remembers, stay as they are.
   * @throws a `state` error when it is called twice between two updates, or before there are gradients
   */
  step(optimizer: Stepping): void {
    if (!this.enabled) return optimizer.step();
    const under = this.#of(optimizer);
    if (under.stepped)
      throw new CambiumError(
        "state",
        "GradScaler.step",
        "this optimizer has made its step already since the last update()",
        "call scaler.update() after each step",
      );
    if (!under.unscaled) this.unscale(optimizer);
    const { found } = under;
    if (!found) throw new CambiumError("state", "GradScaler.step", "no parameter of this optimizer has a gradient", "call scaler.scale(loss).backward() first");
    under.stepped = true;
    assignAll(noGrad(() => optimizer.changes().map(([held, next]) => [held, found.where(held, next)] as const)));
  }

  /** Raises or lowers the scale by what the steps have found. @throws a `state` error when there was no step */
  update(): void {
    if (!this.enabled) return;
    const all = [...this.#under.values()].flatMap(({ found }) => found ?? []);
    if (all.length === 0)
      throw new CambiumError("state", "GradScaler.update", "no gradients have been looked at since the last update()", "call scaler.step(optimizer) first");
    this.#under = new Map();
    const found = all.reduce((a, b) => a.logicalOr(b));
    const streak = this.#tracker.add(1);
    const grows = streak.equal(this.growthInterval);
    const raised = this.#scale.mul(this.growthFactor);
    // A scale beyond all numbers would be of no use.
    const higher = grows.logicalAnd(raised.isFinite()).where(raised, this.#scale);
    assignAll([
      [this.#scale, found.where(this.#scale.mul(this.backoffFactor), higher)],
      [this.#tracker, found.logicalOr(grows).where(0, streak)],
    ]);
  }

  /** The scale, at once. */
  getScale(): number {
    return this.enabled ? this.#scale.item() : 1;
  }

  stateDict(): Record<string, Tensor> {
    return readState([
      ["scale", this.#scale],
      ["growthTracker", this.#tracker],
    ]);
  }

  /** @throws a `name` error when the state lacks something; then nothing has changed */
  loadStateDict({ scale, growthTracker }: Readonly<Record<string, Tensor>>): void {
    if (!scale || !growthTracker) throw new CambiumError("name", "GradScaler.loadStateDict", `the state lacks "${scale ? "growthTracker" : "scale"}"`);
    assignAll([
      [this.#scale, scale.reshape([])],
      [this.#tracker, growthTracker.reshape([])],
    ]);
  }

  #of(optimizer: Stepping): Under {
    const under = this.#under.get(optimizer) ?? { found: undefined, unscaled: false, stepped: false };
    this.#under.set(optimizer, under);
    return under;
  }
}
