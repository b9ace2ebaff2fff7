import { Module } from "../module/module.ts";
import { ReLU } from "../nn/activation.ts";
import { AdaptiveAvgPool2d } from "../nn/adaptive.ts";
import { BatchNorm2d } from "../nn/batchnorm.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { expectCount } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { MaxPool2d } from "../nn/pool.ts";
import { Flatten } from "../nn/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { startConvolution, startLinear } from "./start.ts";

export interface VGGOptions {
  /** Default 1000. */
  numClasses?: number;
  /** Default 3. */
  inChannels?: number;
  /** Normalises behind each convolution. Default `false`. */
  batchNorm?: boolean;
  /** Channels of the first stage; the others have 2, 4, 8 and 8 times as many. Default 64. */
  width?: number;
  /** Features of the two linear maps before the last. Default 4096. */
  hidden?: number;
  /** Default 0.5. */
  dropout?: number;
}

/**
 * Stages of 3 × 3 convolutions, each stage ending in a pooling, then three linear maps.
 * @shape [batch, inChannels, height, width], 32 pixels or more (224 in the paper) → [batch, numClasses] scores
 * @source Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2014); paths and start values of torchvision
 */
export class VGG extends Module {
  features: Sequential;
  avgpool: AdaptiveAvgPool2d = new AdaptiveAvgPool2d(7);
  classifier: Sequential;
  readonly #flatten = new Flatten();

  /** `depths`: how many convolutions each of the five stages has. */
  constructor(depths: readonly number[], options: VGGOptions = {}) {
    super();
    const { numClasses = 1000, inChannels = 3, batchNorm = false, width = 64, hidden = 4096, dropout = 0.5 } = options;
    for (const [name, count] of Object.entries({ numClasses, width, hidden })) expectCount("VGG", name, count);
    this.features = new Sequential();
    let channels = inChannels;
    for (const [stage, depth] of depths.entries()) {
      const wanted = width * Math.min(2 ** stage, 8);
      for (let i = 0; i < depth; i++) {
        this.features.append(new Conv2d(channels, wanted, 3, { padding: 1 }));
        if (batchNorm) this.features.append(new BatchNorm2d(wanted));
        this.features.append(new ReLU());
        channels = wanted;
      }
      this.features.append(new MaxPool2d(2));
    }
    this.classifier = new Sequential(
      new Linear(channels * 7 * 7, hidden),
      new ReLU(),
      new Dropout(dropout),
      new Linear(hidden, hidden),
      new ReLU(),
      new Dropout(dropout),
      new Linear(hidden, numClasses),
    );
    this.apply(startConvolution).apply(startLinear);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.#flatten.forward(this.avgpool.forward(this.features.forward(x))));
  }
}

/** VGG with 8 convolutions. */
export const vgg11 = (options?: VGGOptions): VGG => new VGG([1, 1, 2, 2, 2], options);

/** VGG with 10 convolutions. */
export const vgg13 = (options?: VGGOptions): VGG => new VGG([2, 2, 2, 2, 2], options);

/** VGG with 13 convolutions; 138,357,544 parameters as it stands. */
export const vgg16 = (options?: VGGOptions): VGG => new VGG([2, 2, 3, 3, 3], options);

/** VGG with 16 convolutions. */
export const vgg19 = (options?: VGGOptions): VGG => new VGG([2, 2, 4, 4, 4], options);
