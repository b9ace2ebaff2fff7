import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { SiLU } from "../nn/activation.ts";
import { scaledDotProductAttention } from "../nn/attention.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { ConvTranspose2d } from "../nn/convtranspose.ts";
import { zeros } from "../nn/init.ts";
import { expectCount } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { GroupNorm } from "../nn/norm.ts";
import { Identity } from "../nn/shape.ts";
import { concat, fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface DenoiserOptions {
  /** Default 1. */
  channels?: number;
  /** Channels at full size, a multiple of 8. Default 32. */
  width?: number;
  /** How many times as many channels there are at each size, from the full one on; each is half the one before. Default `[1, 2, 2]`. */
  multipliers?: readonly [number, ...number[]];
  /** Lets the pixels of the smallest maps look at each other. Default `true`. */
  attention?: boolean;
}

/**
 * Sines and cosines of a step's number, of ever longer periods.
 * @shape [batch] → [batch, features]
 * @source Vaswani et al. (2017), section 3.5
 */
export function timeEmbedding(t: Tensor, features: number): Tensor {
  const half = features / 2;
  const rates = fromArray(Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10_000) * i) / half)));
  const angles = t.to("float32").expandDims(1).mul(rates);
  return concat([angles.sin(), angles.cos()], 1);
}

/** Two convolutions that hear the time between them, added to their input. */
class TimedBlock extends Module {
  norm1: GroupNorm;
  conv1: Conv2d;
  time: Linear;
  norm2: GroupNorm;
  conv2: Conv2d;
  skip: Conv2d | Identity;

  constructor(inChannels: number, outChannels: number, timeFeatures: number) {
    super();
    this.norm1 = new GroupNorm(8, inChannels);
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { padding: 1 });
    this.time = new Linear(timeFeatures, outChannels);
    this.norm2 = new GroupNorm(8, outChannels);
    this.conv2 = new Conv2d(outChannels, outChannels, 3, { padding: 1 });
    this.skip = inChannels === outChannels ? new Identity() : new Conv2d(inChannels, outChannels, 1);
    zeros(this.conv2.weight);
    zeros(this.conv2.bias!);
  }

  forward(x: Tensor, time: Tensor): Tensor {
    const told = this.time.forward(time.silu());
    const y = this.conv1.forward(this.norm1.forward(x).silu()).add(told.reshape([...told.shape, 1, 1]));
    return this.skip.forward(x).add(this.conv2.forward(this.norm2.forward(y).silu()));
  }
}

/** Pixels that look at each other, added to their input. */
class PixelAttention extends Module {
  norm: GroupNorm;
  inProj: Conv2d;
  outProj: Conv2d;

  constructor(channels: number) {
    super();
    this.norm = new GroupNorm(8, channels);
    this.inProj = new Conv2d(channels, 3 * channels, 1);
    this.outProj = new Conv2d(channels, channels, 1);
    zeros(this.outProj.weight);
    zeros(this.outProj.bias!);
  }

  forward(x: Tensor): Tensor {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const [q, k, v] = this.inProj
      .forward(this.norm.forward(x))
      .reshape([n, 3 * c, h * w])
      .permute([0, 2, 1])
      .split(3, 2) as [Tensor, Tensor, Tensor];
    return x.add(this.outProj.forward(scaledDotProductAttention(q, k, v).permute([0, 2, 1]).reshape(x.shape)));
  }
}

/**
 * A small U-Net that says which noise is in images at a given step.
 * @shape [batch, channels, height, width], multiples of 2 ** (multipliers.length − 1), and [batch] steps → [batch, channels, height, width]
 * @source Ho, Jain and Abbeel (2020), appendix B, with one block a size
 */
export class Denoiser extends Module {
  readonly width: number;
  time: Sequential;
  start: Conv2d;
  down: TimedBlock[] = [];
  shrink: Conv2d[] = [];
  middle: TimedBlock;
  attention: PixelAttention | Identity;
  grow: ConvTranspose2d[] = [];
  up: TimedBlock[] = [];
  norm: GroupNorm;
  end: Conv2d;

  constructor({ channels = 1, width = 32, multipliers = [1, 2, 2], attention = true }: DenoiserOptions = {}) {
    super();
    for (const [name, count] of Object.entries({ channels, width })) expectCount("Denoiser", name, count);
    if (width % 8 !== 0) throw new CambiumError("value", "Denoiser", `width must be a multiple of 8, got ${width}`);
    for (const count of multipliers) expectCount("Denoiser", "a multiplier", count);
    this.width = width;
    const features = 4 * width;
    const counts = multipliers.map((m) => m * width);
    const deepest = counts.at(-1)!;
    this.time = new Sequential(new Linear(width, features), new SiLU(), new Linear(features, features));
    this.start = new Conv2d(channels, width, 3, { padding: 1 });
    for (const [i, count] of counts.entries()) {
      this.down.push(new TimedBlock(counts[i - 1] ?? width, count, features));
      if (i < counts.length - 1) this.shrink.push(new Conv2d(count, count, 3, { stride: 2, padding: 1 }));
    }
    this.middle = new TimedBlock(deepest, deepest, features);
    this.attention = attention ? new PixelAttention(deepest) : new Identity();
    for (let i = counts.length - 1; i >= 0; i--) {
      const below = counts[i + 1];
      if (below) this.grow.push(new ConvTranspose2d(below, below, 4, { stride: 2, padding: 1 }));
      this.up.push(new TimedBlock((below ?? deepest) + counts[i]!, counts[i]!, features));
    }
    this.norm = new GroupNorm(8, width * multipliers[0]);
    this.end = new Conv2d(width * multipliers[0], channels, 3, { padding: 1 });
    zeros(this.end.weight);
    zeros(this.end.bias!);
  }

  forward(x: Tensor, t: Tensor): Tensor {
    const part = 2 ** this.shrink.length;
    if (x.rank !== 4 || x.shape[2]! % part !== 0 || x.shape[3]! % part !== 0)
      throw new CambiumError("shape", "Denoiser", `expected [batch, channels, height, width], sizes multiples of ${part}, got ${show(x.shape)}`);
    const time = this.time.forward(timeEmbedding(t, this.width));
    const bridges: Tensor[] = [];
    let y = this.start.forward(x);
    for (const [i, block] of this.down.entries()) {
      y = block.forward(y, time);
      bridges.push(y);
      y = this.shrink[i]?.forward(y) ?? y;
    }
    y = this.attention.forward(this.middle.forward(y, time));
    for (const [i, block] of this.up.entries()) {
      if (i > 0) y = this.grow[i - 1]!.forward(y);
      y = block.forward(concat([y, bridges.pop()!], 1), time);
    }
    return this.end.forward(this.norm.forward(y).silu());
  }
}

/** A small U-Net for diffusion. */
export const denoiser = (options?: DenoiserOptions): Denoiser => new Denoiser(options);
