/** Weights that are computed from others at each use: PyTorch's `nn.utils.parametrizations`. */
import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { normal } from "../tensor/random.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";

/** What a parametrised weight is made of: its originals, and the rule, under the path `parametrizations.weight`. */
class Parametrized extends Module {
  constructor(originals: Readonly<Record<string, Tensor>>, rule: Module) {
    super();
    for (const [name, tensor] of Object.entries(originals)) Object.defineProperty(this, name, { value: parameter(tensor), enumerable: true });
    Object.defineProperty(this, "0", { value: rule, enumerable: true });
  }

  /** The weight. */
  forward(): Tensor {
    const { "0": rule, ...fields } = this as unknown as Record<string, unknown>;
    const originals = Object.values(fields).filter((value) => value instanceof Tensor);
    return (rule as Module).forward(...originals) as Tensor;
  }
}

/** All parametrised weights of a module, by name. */
class Parametrizations extends Module {
  forward(): never {
    throw new CambiumError("state", "parametrizations", "a list of parametrised weights has no forward of its own");
  }
}

type Holder = Module & Record<string, unknown> & { parametrizations?: Parametrizations & Record<string, Parametrized> };

/** Lets `module[name]` be computed by `rule` from `originals` from now on. */
function parametrize<M extends Module>(where: string, module: M, name: string, make: (weight: Tensor) => [originals: Record<string, Tensor>, rule: Module]): M {
  const holder = module as unknown as Holder;
  const weight = holder[name];
  if (!(weight instanceof Tensor)) throw new CambiumError("name", where, `${module.constructor.name} has no tensor "${name}"`);
  if (holder.parametrizations && name in holder.parametrizations)
    throw new CambiumError("state", where, `"${name}" is parametrised already`, "take that off first: nn.utils.removeParametrizations(module, name)");
  const made = new Parametrized(...make(weight));
  holder.parametrizations ??= new Parametrizations() as NonNullable<Holder["parametrizations"]>;
  (holder.parametrizations as Record<string, unknown>)[name] = made;
  made.train(module.training);
  Object.defineProperty(module, name, { get: () => made.forward(), configurable: true, enumerable: false });
  return module;
}

/**
 * Makes `module[name]` an ordinary parameter again, with the numbers that it has now.
 * @source PyTorch `nn.utils.parametrize.remove_parametrizations`
 */
export function removeParametrizations<M extends Module>(module: M, name = "weight"): M {
  const holder = module as unknown as Holder;
  const made = holder.parametrizations?.[name];
  if (!made) throw new CambiumError("name", "removeParametrizations", `${module.constructor.name} has no parametrised "${name}"`);
  const weight = parameter(made.forward().detach());
  delete holder.parametrizations![name];
  Object.defineProperty(module, name, { value: weight, writable: true, configurable: true, enumerable: true });
  if (Object.values(holder.parametrizations!).every((value) => !(value instanceof Module))) delete holder.parametrizations;
  return module;
}

/** All axes but `dim`. */
const besides = (rank: number, dim: number): number[] => Array.from({ length: rank }, (_, i) => i).filter((i) => i !== (dim + rank) % rank);

const lengths = (v: Tensor, dim: number | null): Tensor => v.norm(dim === null ? undefined : besides(v.rank, dim), { keep: dim !== null });

class WeightNorm extends Module {
  readonly #dim: number | null;

  constructor(dim: number | null) {
    super();
    this.#dim = dim;
  }

  forward(g: Tensor, v: Tensor): Tensor {
    return v.mul(g.div(lengths(v, this.#dim)));
  }
}

/**
 * Lets a weight be a length times a direction, each learnt by itself: paths `parametrizations.weight.original0` and `original1`.
 * @source PyTorch `nn.utils.parametrizations.weight_norm`; Salimans and Kingma (2016)
 */
export const weightNorm = <M extends Module>(module: M, name = "weight", { dim = 0 }: { dim?: number | null } = {}): M =>
  parametrize("weightNorm", module, name, (weight) => {
    const v = weight.detach();
    return [{ original0: settled(lengths(v, dim)), original1: settled(v) }, new WeightNorm(dim)];
  });

/** The same numbers as a leaf of their own. */
function settled(x: Tensor): Tensor {
  x.dataSync();
  return x.detach();
}

class SpectralNorm extends Module {
  _u: Tensor;
  _v: Tensor;
  readonly #dim: number;
  readonly #iterations: number;
  readonly #eps: number;

  constructor(weight: Tensor, dim: number, iterations: number, eps: number) {
    super();
    this.#dim = dim;
    this.#iterations = iterations;
    this.#eps = eps;
    const matrix = this.#matrix(weight);
    const [rows, columns] = matrix.shape as [number, number];
    this._u = settled(this.#unit(normal([rows])));
    this._v = settled(this.#unit(normal([columns])));
    const [u, v] = this.#power(matrix.detach(), 15);
    this._u = settled(u);
    this._v = settled(v);
  }

  forward(weight: Tensor): Tensor {
    const matrix = this.#matrix(weight);
    if (this.training) {
      const [u, v] = this.#power(matrix.detach(), this.#iterations);
      assignAll([
        [this._u, u],
        [this._v, v],
      ]);
    }
    const sigma = matrix.matmul(this._v.detach().expandDims(1)).squeeze(1).mul(this._u.detach()).sum();
    return weight.div(sigma);
  }

  #matrix(weight: Tensor): Tensor {
    return weight.moveAxis(this.#dim, 0).reshape([weight.shape.at(this.#dim)!, -1]);
  }

  #unit(x: Tensor): Tensor {
    return x.div(x.norm().maximum(this.#eps));
  }

  #power(matrix: Tensor, times: number): [u: Tensor, v: Tensor] {
    let [u, v] = [this._u, this._v];
    for (let i = 0; i < times; i++) {
      u = this.#unit(matrix.matmul(v.expandDims(1)).squeeze(1));
      v = this.#unit(matrix.transpose().matmul(u.expandDims(1)).squeeze(1));
    }
    return [u, v];
  }
}

export interface SpectralNormOptions {
  /** How often the estimate is refined at each use in training. Default 1. */
  nPowerIterations?: number;
  /** Default 1e-12. */
  eps?: number;
  /** The axis of the outputs. Default 0; 1 for transposed convolutions. */
  dim?: number;
}

/**
 * Lets a weight be divided by its largest singular value: paths `parametrizations.weight.original`, `parametrizations.weight.0._u` and `_v`.
 * @source PyTorch `nn.utils.parametrizations.spectral_norm`; Miyato et al. (2018)
 */
export const spectralNorm = <M extends Module>(module: M, name = "weight", { nPowerIterations = 1, eps = 1e-12, dim }: SpectralNormOptions = {}): M =>
  parametrize("spectralNorm", module, name, (weight) => {
    if (weight.rank < 2) throw new CambiumError("shape", "spectralNorm", `"${name}" is a vector, which has no singular values`);
    const outputs = dim ?? (module.constructor.name.startsWith("ConvTranspose") ? 1 : 0);
    return [{ original: settled(weight.detach()) }, new SpectralNorm(weight, outputs, nPowerIterations, eps)];
  });
