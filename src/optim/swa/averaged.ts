/** PyTorch's `swa_utils`: a model with averaged weights beside the one that learns. */
import { CambiumError } from "../../base/error.ts";
import { Module } from "../../module/module.ts";
import { readState, type StateDict } from "../../module/state.ts";
import { onesLike, zerosLike } from "../../tensor/create.ts";
import { noGrad } from "../../tensor/functional.ts";
import { assignAll, Tensor } from "../../tensor/tensor.ts";
import { fixed } from "../rule.ts";

/** What an average becomes with the weights of now, after `n` weights before. */
export type AverageFunction = (average: Tensor, now: Tensor, n: number) => Tensor;

/** All weights count the same: stochastic weight averaging. @source Izmailov et al., "Averaging weights leads to wider optima" (2018) */
export const getSwaAvgFn = (): AverageFunction => (average, now, n) => average.add(now.sub(average).div(n + 1));

/** Older weights count less: `decay` of the average stays at each step. */
export function getEmaAvgFn(decay = 0.999): AverageFunction {
  if (!(decay >= 0 && decay <= 1)) throw new CambiumError("value", "getEmaAvgFn", `decay is a share from 0 to 1, got ${decay}`);
  return (average, now) => average.lerp(now, fixed(1 - decay, average));
}

export interface AveragedModelOptions {
  /** Default: all weights count the same. */
  avgFn?: AverageFunction;
  /** Whether buffers (running statistics) are averaged too, instead of being those of the moment. Default `false`. */
  useBuffers?: boolean;
}

/**
 * A module with averaged weights: `updateParameters` takes in what the model has learnt, `forward` computes with the averages.
 * @source PyTorch `swa_utils.AveragedModel`
 * @example
 * ```ts
 * const averaged = new optim.swaUtils.AveragedModel(model);
 * // after each epoch of training model:
 * averaged.updateParameters(model);
 * // in the end:
 * optim.swaUtils.updateBn(batches, averaged);
 * ```
 */
export class AveragedModel extends Module {
  readonly #module: Module;
  readonly #average: AverageFunction;
  readonly #useBuffers: boolean;
  /** Averages of the module's tensors, by path. */
  readonly #own: ReadonlyMap<string, Tensor>;
  /** How many weights have been averaged. */
  nAveraged = 0;

  constructor(module: Module, { avgFn = getSwaAvgFn(), useBuffers = false }: AveragedModelOptions = {}) {
    super();
    if (!(module instanceof Module)) throw new CambiumError("value", "AveragedModel", "the first argument must be a module");
    this.#module = module;
    this.#average = avgFn;
    this.#useBuffers = useBuffers;
    this.#own = new Map(tensorsOf(module).map(([path, tensor]) => [path, tensor.detach()]));
  }

  /** What the module makes of its inputs with the averaged weights, trained or evaluated as this model is. */
  forward(...inputs: any[]): any {
    const modes = this.#module.modules().map((part) => [part, part.training] as const);
    this.#module.train(this.training);
    try {
      return this.withAverages(() => this.#module.forward(...inputs));
    } finally {
      for (const [part, training] of modes) part.training = training;
    }
  }

  /** @internal Runs `f` while the module's tensors stand for their averages. What `f` assigns to them, the averages keep. */
  withAverages<T>(f: () => T): T {
    const tensors = tensorsOf(this.#module);
    const before = tensors.map(([, tensor]) => tensor.leaf);
    for (const [path, tensor] of tensors) tensor.leaf = this.#own.get(path)!.leaf;
    try {
      return f();
    } finally {
      tensors.forEach(([path, tensor], i) => {
        const average = this.#own.get(path)!;
        average.leaf = tensor.leaf;
        if (average.leaf.owner === tensor) average.leaf.owner = average;
        tensor.leaf = before[i]!;
      });
    }
  }

  /** Takes the weights of `model` (the first ones as they are) into the averages. */
  updateParameters(model: Module = this.#module): void {
    const parameters = new Set(model.parameters());
    const changes = tensorsOf(model).map(([path, now]): [Tensor, Tensor] => {
      const average = this.#own.get(path);
      if (!average) throw new CambiumError("name", "AveragedModel.updateParameters", `the model has "${path}", which the averaged one has not`);
      const averaged = this.nAveraged > 0 && (parameters.has(now) || this.#useBuffers);
      return [average, averaged ? noGrad(() => this.#average(average, now.detach(), this.nAveraged).to(average.dtype)) : now.detach()];
    });
    assignAll(changes);
    this.nAveraged++;
  }

  override *namedParameters(prefix = ""): Generator<[path: string, parameter: Tensor]> {
    const names = new Set([...this.#module.namedParameters()].map(([path]) => path));
    for (const [path, tensor] of this.#own) if (names.has(path)) yield [prefix ? `${prefix}.module.${path}` : `module.${path}`, tensor];
  }

  /** The averages under `module.`, as PyTorch has them. */
  override stateDict(): StateDict {
    return readState([...this.#own].map(([path, tensor]) => [`module.${path}`, tensor]));
  }

  /** The module whose weights are averaged. */
  get module(): Module {
    return this.#module;
  }
}

/** Parameters and buffers of a module with their paths. */
const tensorsOf = (module: Module): [path: string, tensor: Tensor][] => [...module.namedParameters(), ...module.namedBuffers()];

/** A module with running statistics of batches. */
interface Normalizing {
  momentum: number | null;
  runningMean: Tensor;
  runningVar: Tensor;
  numBatchesTracked: Tensor;
}

/**
 * Measures the running statistics of all batch normalisations anew, over all of `batches`: averaged weights make other activations.
 * @source PyTorch `swa_utils.update_bn`
 */
export function updateBn(batches: Iterable<Tensor | readonly [Tensor, ...unknown[]]>, model: Module): void {
  const inner = model instanceof AveragedModel ? model.module : model;
  const parts = inner.modules().filter((part) => "numBatchesTracked" in part && part.numBatchesTracked instanceof Tensor) as unknown as Normalizing[];
  if (parts.length === 0) return;
  const modes = inner.modules().map((part) => [part, part.training] as const);
  const momenta = parts.map(({ momentum }) => momentum);
  const measure = (): void => {
    for (const part of parts) {
      part.runningMean.assign(zerosLike(part.runningMean));
      part.runningVar.assign(onesLike(part.runningVar));
      part.numBatchesTracked.assign(zerosLike(part.numBatchesTracked));
      part.momentum = null;
    }
    inner.train();
    for (const batch of batches) inner.forward(batch instanceof Tensor ? batch : batch[0]);
  };
  try {
    noGrad(() => (model instanceof AveragedModel ? model.withAverages(measure) : measure()));
  } finally {
    for (const [i, part] of parts.entries()) part.momentum = momenta[i]!;
    for (const [part, training] of modes) part.training = training;
  }
}
