import { CambiumError } from "../../base/error.ts";
import { zeroGrad } from "../../module/parameter.ts";
import { concat, fromArray, stack, zeros } from "../../tensor/create.ts";
import { assignAll, Tensor } from "../../tensor/tensor.ts";
import type { Group } from "../optimizer.ts";
import { type Place, strongWolfe } from "./search.ts";

export interface LBFGSOptions {
  /** How far to go along a direction, or where the line search begins. Default 1. */
  lr?: number;
  /** Directions a step. Default 20. */
  maxIter?: number;
  /** How often a step may ask for the loss. Default `maxIter · 5 / 4`. */
  maxEval?: number;
  /** The largest gradient that counts as none. Default 1e-7. */
  toleranceGrad?: number;
  /** The change that counts as none. Default 1e-9. */
  toleranceChange?: number;
  /** How many directions are remembered. Default 100. */
  historySize?: number;
  /** How the distance along a direction is found; without it, it is `lr`. */
  lineSearchFn?: "strongWolfe" | "strong_wolfe" | null;
}

/** A change of the parameters, and the change of the gradient that came of it. */
interface Memory {
  readonly step: Tensor;
  readonly turn: Tensor;
}

/** What `LBFGS` remembers, under PyTorch's names. */
export interface LBFGSState {
  readonly state: {
    readonly nIter: number;
    readonly t: number;
    readonly d: Tensor | undefined;
    readonly prevFlatGrad: Tensor | undefined;
    readonly oldStps: readonly Tensor[];
    readonly oldDirs: readonly Tensor[];
  };
  readonly paramGroups: readonly [{ lr: number } & Required<LBFGSOptions>];
}

/**
 * Goes along directions that remember how the gradient has turned: for whole batches and few parameters. `step` needs a function that
 * computes the loss anew, and reads numbers as it goes, so it cannot be part of a compiled function.
 * @source PyTorch `optim.LBFGS`; Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989)
 * @example
 * ```ts
 * const optimizer = new optim.LBFGS(model.parameters(), { lineSearchFn: "strongWolfe" });
 * optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = criterion.forward(model.forward(x), y);
 *   loss.backward();
 *   return loss;
 * });
 * ```
 */
export class LBFGS {
  readonly paramGroups: readonly [{ readonly params: readonly Tensor[]; lr: number } & Required<LBFGSOptions>];
  #memory: Memory[] = [];
  #direction: Tensor | undefined;
  #distance = 0;
  #gradient: Tensor | undefined;
  #iterations = 0;

  constructor(parameters: Iterable<Tensor> | readonly [Group<LBFGSOptions>], given: LBFGSOptions = {}) {
    const [only, ...others] = [...parameters] as (Tensor | Group<LBFGSOptions>)[];
    const group = only && !(only instanceof Tensor) && others.length === 0 ? only : undefined;
    const { params: _, ...own } = group ?? { params: [] };
    const options: LBFGSOptions = { ...given, ...own };
    const params = [...(group?.params ?? (parameters as Iterable<Tensor>))];
    if (params.length === 0 || !params.every((one) => one instanceof Tensor))
      throw new CambiumError("value", "LBFGS", "needs a list of parameters, in one group", "model.parameters()");
    const { lr = 1, maxIter = 20, maxEval = Math.floor((maxIter * 5) / 4), toleranceGrad = 1e-7, toleranceChange = 1e-9, historySize = 100 } = options;
    const { lineSearchFn = null } = options;
    if (lineSearchFn !== null && lineSearchFn !== "strongWolfe" && lineSearchFn !== "strong_wolfe")
      throw new CambiumError("name", "LBFGS", `there is no lineSearchFn "${String(lineSearchFn)}"; it is "strongWolfe" or null`);
    this.paramGroups = [{ params, lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, lineSearchFn }];
  }

  zeroGrad(): void {
    zeroGrad(this.paramGroups[0].params);
  }

  /** Goes along up to `maxIter` directions, and returns the loss of before. */
  step(closure: () => Tensor): Tensor {
    if (typeof closure !== "function") throw new CambiumError("value", "LBFGS.step", "needs a function that computes the loss and calls backward()");
    const { lr, maxIter, maxEval, toleranceGrad, toleranceChange, lineSearchFn } = this.paramGroups[0];
    const first = closure();
    let loss = first.item();
    let gradient = this.#gathered();
    let asked = 1;
    if (largest(gradient) <= toleranceGrad) return first;
    for (let n = 1; n <= maxIter; n++) {
      this.#iterations++;
      const direction = this.#turned(gradient);
      this.#gradient = gradient;
      const before = loss;
      this.#distance = this.#iterations === 1 ? Math.min(1, 1 / gradient.abs().sum().item()) * lr : lr;
      this.#direction = direction;
      const slope = dot(gradient, direction);
      if (slope > -toleranceChange) break;
      if (lineSearchFn) {
        const starts = this.paramGroups[0].params.map((p) => p.detach());
        const ask = (at: number): Place<Tensor> => {
          this.#move(direction, at, starts);
          const value = closure().item();
          const found = this.#gathered();
          return { at, value, slope: dot(found, direction), extra: found };
        };
        const here = { at: 0, value: loss, slope, extra: gradient };
        const search = { first: this.#distance, reach: largest(direction), tolerance: toleranceChange, most: maxEval - asked };
        const { place, asked: more } = strongWolfe(here, ask, search);
        this.#move(direction, place.at, starts);
        [this.#distance, loss, gradient] = [place.at, place.value, place.extra];
        asked += more;
      } else {
        this.#move(direction, this.#distance);
        if (n < maxIter) {
          loss = closure().item();
          gradient = this.#gathered();
          asked++;
        }
      }
      if (n === maxIter || asked >= maxEval || largest(gradient) <= toleranceGrad) break;
      if (largest(direction) * this.#distance <= toleranceChange || Math.abs(loss - before) < toleranceChange) break;
    }
    return first;
  }

  /** What is remembered of the steps so far. */
  stateDict(): LBFGSState {
    const { params: _, ...options } = this.paramGroups[0];
    const [steps, turns] = [this.#memory.map(({ step }) => step), this.#memory.map(({ turn }) => turn)];
    const state = { nIter: this.#iterations, t: this.#distance, d: this.#direction, prevFlatGrad: this.#gradient, oldStps: steps, oldDirs: turns };
    return { state, paramGroups: [options] };
  }

  loadStateDict({ state, paramGroups: [options] }: LBFGSState): void {
    const size = this.paramGroups[0].params.reduce((sum, p) => sum + p.size, 0);
    const given = [state.d, state.prevFlatGrad, ...state.oldStps, ...state.oldDirs];
    const misfit = given.find((x) => x && (x.rank !== 1 || x.size !== size));
    if (misfit || state.oldStps.length !== state.oldDirs.length)
      throw new CambiumError("shape", "LBFGS.loadStateDict", `the state remembers ${misfit?.size ?? "unequal lists of"} numbers, the parameters are ${size}`);
    this.#memory = state.oldStps.map((step, i) => ({ step, turn: state.oldDirs[i]! }));
    [this.#iterations, this.#distance, this.#direction, this.#gradient] = [state.nIter, state.t, state.d, state.prevFlatGrad];
    Object.assign(this.paramGroups[0], options);
  }

  /** All gradients in one row; parameters without one count as flat. */
  #gathered(): Tensor {
    const { params } = this.paramGroups[0];
    return known(concat(params.map((p) => (p.grad ?? zeros(p.shape, { dtype: p.dtype })).reshape([p.size]))));
  }

  /** Moves all parameters along a direction, from where they are or from `starts`. */
  #move(direction: Tensor, distance: number, starts?: readonly Tensor[]): void {
    let at = 0;
    const { params } = this.paramGroups[0];
    assignAll(
      params.map((p, i) => {
        const part = direction.slice([at], [(at += p.size)]).reshape(p.shape);
        return [p, (starts?.[i] ?? p).add(part.mul(distance)).to(p.dtype)];
      }),
    );
  }

  /** The direction in which to go: the gradient, turned by what is remembered of how it turns. */
  #turned(gradient: Tensor): Tensor {
    if (!this.#direction || !this.#gradient) return known(gradient.neg());
    const turn = known(gradient.sub(this.#gradient));
    const step = known(this.#direction.mul(this.#distance));
    if (dot(turn, step) > 1e-10) {
      if (this.#memory.length === this.paramGroups[0].historySize) this.#memory.shift();
      this.#memory.push({ step, turn });
    }
    if (this.#memory.length === 0) return known(gradient.neg());
    return this.#recursed(gradient);
  }

  /** The two loops of the method, on products of vectors: the direction is a sum of the remembered vectors and the gradient, and only its factors are worked out here. */
  #recursed(gradient: Tensor): Tensor {
    const k = this.#memory.length;
    const vectors = stack([...this.#memory.map(({ step }) => step), ...this.#memory.map(({ turn }) => turn), gradient]);
    const n = 2 * k + 1;
    const products = vectors.matmul(vectors.transpose()).dataSync();
    const product = (i: number, j: number): number => products[i * n + j]!;
    const factors = new Float64Array(n);
    factors[2 * k] = -1;
    /** The product of vector `i` with the sum as it is now. */
    const along = (i: number): number => factors.reduce((sum, factor, j) => sum + factor * product(i, j), 0);
    const alphas = new Float64Array(k);
    for (let i = k - 1; i >= 0; i--) {
      alphas[i] = along(i) / product(i, k + i);
      factors[k + i]! -= alphas[i]!;
    }
    const last = k - 1;
    const scale = product(last, k + last) / product(k + last, k + last);
    for (let j = 0; j < n; j++) factors[j]! *= scale;
    for (let i = 0; i < k; i++) factors[i]! += alphas[i]! - along(k + i) / product(i, k + i);
    return known(fromArray(factors, [1, n]).to(gradient.dtype).matmul(vectors).reshape(gradient.shape));
  }
}

/** Computed now, so that what is remembered does not hold graphs. */
function known(x: Tensor): Tensor {
  x.dataSync();
  return x.detach();
}

const dot = (a: Tensor, b: Tensor): number => a.mul(b).sum().item();
const largest = (x: Tensor): number => x.abs().max().item();
