/** Modules that learn the size of their input from the first batch. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./batchnorm.ts";
import { Conv1d, Conv2d, Conv3d, type ConvOptions } from "./conv.ts";
import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, type ConvTransposeOptions } from "./convtranspose.ts";
import { expectTensor, type Sizes } from "./input.ts";
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, type InstanceNormOptions } from "./instancenorm.ts";
import { Linear, type LinearOptions } from "./linear.ts";

interface Made extends Module {
  weight?: Tensor | undefined;
  bias?: Tensor | undefined;
}

/** A module that is made when the first batch comes, and has that module's paths in `stateDict()`. Before, it has no parameters: make the optimizer after a first `forward`. */
abstract class Lazy extends Module {
  readonly #make: (size: number) => Made;
  /** The number of axes of an input without a batch, where there may be one; its size is then that of axis 0. */
  readonly #single: number;
  #made: Made | undefined;

  constructor(make: (size: number) => Made, single: number) {
    super();
    this.#make = make;
    this.#single = single;
  }

  /** The module it has become; undefined before the first batch. */
  get made(): Module | undefined {
    return this.#made;
  }

  get weight(): Tensor | undefined {
    return this.#made?.weight;
  }

  get bias(): Tensor | undefined {
    return this.#made?.bias;
  }

  override *namedTensors(): Generator<[name: string, tensor: Tensor]> {
    if (this.#made) yield* this.#made.namedTensors();
  }

  forward(x: Tensor, ...more: unknown[]): Tensor {
    if (!this.#made) {
      const where = this.constructor.name;
      expectTensor(where, x);
      const axis = this.#single === 0 ? x.rank - 1 : x.rank === this.#single ? 0 : 1;
      if (x.shape[axis] === undefined) throw new CambiumError("shape", where, `${show(x.shape)} has no axis ${axis}, from which the size is learnt`);
      this.#made = this.#make(x.shape[axis]!);
    }
    this.#made.training = this.training;
    return this.#made.forward(x, ...more) as Tensor;
  }

  override toString(): string {
    return this.#made?.toString() ?? `${this.constructor.name}()`;
  }
}

/** `Linear`, whose `inFeatures` the first batch tells. @shape [..., n] → [..., outFeatures] @source PyTorch `nn.LazyLinear` */
export class LazyLinear extends Lazy {
  constructor(outFeatures: number, options: LinearOptions = {}) {
    super((size) => new Linear(size, outFeatures, options), 0);
  }
}

/** `Conv1d`, whose `inChannels` the first batch tells. @shape as `Conv1d` @source PyTorch `nn.LazyConv1d` */
export class LazyConv1d extends Lazy {
  constructor(outChannels: number, kernelSize: Sizes, options: ConvOptions | Sizes = {}) {
    super((size) => new Conv1d(size, outChannels, kernelSize, options), 2);
  }
}

/** `Conv2d`, whose `inChannels` the first batch tells. @shape as `Conv2d` @source PyTorch `nn.LazyConv2d` */
export class LazyConv2d extends Lazy {
  constructor(outChannels: number, kernelSize: Sizes, options: ConvOptions | Sizes = {}) {
    super((size) => new Conv2d(size, outChannels, kernelSize, options), 3);
  }
}

/** `Conv3d`, whose `inChannels` the first batch tells. @shape as `Conv3d` @source PyTorch `nn.LazyConv3d` */
export class LazyConv3d extends Lazy {
  constructor(outChannels: number, kernelSize: Sizes, options: ConvOptions | Sizes = {}) {
    super((size) => new Conv3d(size, outChannels, kernelSize, options), 4);
  }
}

/** `ConvTranspose1d`, whose `inChannels` the first batch tells. @shape as `ConvTranspose1d` @source PyTorch `nn.LazyConvTranspose1d` */
export class LazyConvTranspose1d extends Lazy {
  constructor(outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions | Sizes = {}) {
    super((size) => new ConvTranspose1d(size, outChannels, kernelSize, options), 2);
  }
}

/** `ConvTranspose2d`, whose `inChannels` the first batch tells. @shape as `ConvTranspose2d` @source PyTorch `nn.LazyConvTranspose2d` */
export class LazyConvTranspose2d extends Lazy {
  constructor(outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions | Sizes = {}) {
    super((size) => new ConvTranspose2d(size, outChannels, kernelSize, options), 3);
  }
}

/** `ConvTranspose3d`, whose `inChannels` the first batch tells. @shape as `ConvTranspose3d` @source PyTorch `nn.LazyConvTranspose3d` */
export class LazyConvTranspose3d extends Lazy {
  constructor(outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions | Sizes = {}) {
    super((size) => new ConvTranspose3d(size, outChannels, kernelSize, options), 4);
  }
}

/** `BatchNorm1d`, whose `numFeatures` the first batch tells. @shape as `BatchNorm1d` @source PyTorch `nn.LazyBatchNorm1d` */
export class LazyBatchNorm1d extends Lazy {
  constructor(options: BatchNormOptions = {}) {
    super((size) => new BatchNorm1d(size, options), -1);
  }
}

/** `BatchNorm2d`, whose `numFeatures` the first batch tells. @shape as `BatchNorm2d` @source PyTorch `nn.LazyBatchNorm2d` */
export class LazyBatchNorm2d extends Lazy {
  constructor(options: BatchNormOptions = {}) {
    super((size) => new BatchNorm2d(size, options), -1);
  }
}

/** `BatchNorm3d`, whose `numFeatures` the first batch tells. @shape as `BatchNorm3d` @source PyTorch `nn.LazyBatchNorm3d` */
export class LazyBatchNorm3d extends Lazy {
  constructor(options: BatchNormOptions = {}) {
    super((size) => new BatchNorm3d(size, options), -1);
  }
}

/** `InstanceNorm1d`, whose `numFeatures` the first batch tells. @shape as `InstanceNorm1d` @source PyTorch `nn.LazyInstanceNorm1d` */
export class LazyInstanceNorm1d extends Lazy {
  constructor(options: InstanceNormOptions = {}) {
    super((size) => new InstanceNorm1d(size, options), 2);
  }
}

/** `InstanceNorm2d`, whose `numFeatures` the first batch tells. @shape as `InstanceNorm2d` @source PyTorch `nn.LazyInstanceNorm2d` */
export class LazyInstanceNorm2d extends Lazy {
  constructor(options: InstanceNormOptions = {}) {
    super((size) => new InstanceNorm2d(size, options), 3);
  }
}

/** `InstanceNorm3d`, whose `numFeatures` the first batch tells. @shape as `InstanceNorm3d` @source PyTorch `nn.LazyInstanceNorm3d` */
export class LazyInstanceNorm3d extends Lazy {
  constructor(options: InstanceNormOptions = {}) {
    super((size) => new InstanceNorm3d(size, options), 4);
  }
}
