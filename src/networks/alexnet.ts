import { Module } from "../module/module.ts";
import { ReLU } from "../nn/activation.ts";
import { AdaptiveAvgPool2d } from "../nn/adaptive.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { expectCount } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { MaxPool2d } from "../nn/pool.ts";
import { Flatten } from "../nn/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface AlexNetOptions {
  /** Default 1000. */
  numClasses?: number;
  /** Default 3. */
  inChannels?: number;
  /** Features of the two linear maps before the last. Default 4096. */
  hidden?: number;
  /** Default 0.5. */
  dropout?: number;
}

/**
 * AlexNet with a single tower: five convolutions, three linear maps. 61,100,840 parameters as it stands.
 * @shape [batch, inChannels, height, width], 63 pixels or more (224 in the paper) → [batch, numClasses] scores
 * @source Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014); paths and start values of torchvision
 */
export class AlexNet extends Module {
  features: Sequential;
  avgpool: AdaptiveAvgPool2d = new AdaptiveAvgPool2d(6);
  classifier: Sequential;
  readonly #flatten = new Flatten();

  constructor({ numClasses = 1000, inChannels = 3, hidden = 4096, dropout = 0.5 }: AlexNetOptions = {}) {
    super();
    expectCount("AlexNet", "numClasses", numClasses);
    const pool = (): MaxPool2d => new MaxPool2d(3, { stride: 2 });
    this.features = new Sequential(
      new Conv2d(inChannels, 64, 11, { stride: 4, padding: 2 }),
      new ReLU(),
      pool(),
      new Conv2d(64, 192, 5, { padding: 2 }),
      new ReLU(),
      pool(),
      new Conv2d(192, 384, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(384, 256, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(256, 256, 3, { padding: 1 }),
      new ReLU(),
      pool(),
    );
    this.classifier = new Sequential(
      new Dropout(dropout),
      new Linear(256 * 6 * 6, hidden),
      new ReLU(),
      new Dropout(dropout),
      new Linear(hidden, hidden),
      new ReLU(),
      new Linear(hidden, numClasses),
    );
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.#flatten.forward(this.avgpool.forward(this.features.forward(x))));
  }
}

/** AlexNet. */
export const alexnet = (options?: AlexNetOptions): AlexNet => new AlexNet(options);
