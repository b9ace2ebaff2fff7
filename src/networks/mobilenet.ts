import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { ReLU6 } from "../nn/activation.ts";
import { AdaptiveAvgPool2d } from "../nn/adaptive.ts";
import { BatchNorm2d } from "../nn/batchnorm.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { expectCount } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { Flatten } from "../nn/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { startConvolution, startLinear } from "./start.ts";

export interface MobileNetOptions {
  /** Default 1000. */
  numClasses?: number;
  /** Default 3. */
  inChannels?: number;
  /** What all channel counts are multiplied by. Default 1. */
  widthMult?: number;
  /** Default 0.2. */
  dropout?: number;
}

/** Of each row of blocks: how many times as many channels inside, channels out, blocks, stride of the first. Table 2 of the paper. */
const rows = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** The multiple of 8 next to `channels`, but not more than a tenth below. */
function rounded(channels: number): number {
  const near = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return near < 0.9 * channels ? near + 8 : near;
}

const convolution = (inChannels: number, outChannels: number, kernel: number, stride = 1, groups = 1): Sequential =>
  new Sequential(
    new Conv2d(inChannels, outChannels, kernel, { stride, padding: (kernel - 1) / 2, groups, bias: false }),
    new BatchNorm2d(outChannels),
    new ReLU6(),
  );

/**
 * Channels made more, each seen by a 3 × 3 kernel of its own, made fewer again; added to the input where sizes allow.
 * @shape [batch, inChannels, height, width] → [batch, outChannels, height / stride, width / stride]
 * @source Sandler et al. (2018), figure 4
 */
export class InvertedResidual extends Module {
  conv: Sequential;
  readonly #adds: boolean;

  constructor(inChannels: number, outChannels: number, stride: number, expandRatio: number) {
    super();
    const inner = inChannels * expandRatio;
    this.conv = new Sequential(
      ...(expandRatio === 1 ? [] : [convolution(inChannels, inner, 1)]),
      convolution(inner, inner, 3, stride, inner),
      new Conv2d(inner, outChannels, 1, { bias: false }),
      new BatchNorm2d(outChannels),
    );
    this.#adds = stride === 1 && inChannels === outChannels;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x) as Tensor;
    return this.#adds ? x.add(y) : y;
  }
}

/**
 * MobileNetV2: a network for small machines, of inverted residual blocks. 3,504,872 parameters as it stands.
 * @shape [batch, inChannels, height, width] → [batch, numClasses] scores
 * @source Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks" (2018); paths and start values of torchvision
 */
export class MobileNetV2 extends Module {
  features: Sequential;
  classifier: Sequential;
  readonly #pool = new AdaptiveAvgPool2d(1);
  readonly #flatten = new Flatten();

  constructor({ numClasses = 1000, inChannels = 3, widthMult = 1, dropout = 0.2 }: MobileNetOptions = {}) {
    super();
    expectCount("MobileNetV2", "numClasses", numClasses);
    if (!(widthMult > 0 && Number.isFinite(widthMult))) throw new CambiumError("value", "MobileNetV2", `widthMult is a number above 0, got ${widthMult}`);
    let channels = rounded(32 * widthMult);
    this.features = new Sequential(convolution(inChannels, channels, 3, 2));
    for (const [expandRatio, wanted, count, stride] of rows)
      for (let i = 0; i < count; i++) {
        const next = rounded(wanted * widthMult);
        this.features.append(new InvertedResidual(channels, next, i === 0 ? stride : 1, expandRatio));
        channels = next;
      }
    const last = rounded(1280 * Math.max(1, widthMult));
    this.features.append(convolution(channels, last, 1));
    this.classifier = new Sequential(new Dropout(dropout), new Linear(last, numClasses));
    this.apply(startConvolution).apply(startLinear);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.#flatten.forward(this.#pool.forward(this.features.forward(x))));
  }
}

/** MobileNetV2. */
export const mobilenetV2 = (options?: MobileNetOptions): MobileNetV2 => new MobileNetV2(options);
