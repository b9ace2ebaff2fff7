import { CambiumError } from "../base/error.ts";
import { binaryCrossEntropyWithLogits } from "../losses/binary.ts";
import { Module } from "../module/module.ts";
import { LeakyReLU, ReLU, Tanh } from "../nn/activation.ts";
import { BatchNorm2d } from "../nn/batchnorm.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { ConvTranspose2d } from "../nn/convtranspose.ts";
import { normal } from "../nn/init.ts";
import { expectCount } from "../nn/input.ts";
import type { BaseOptions, Optimizer } from "../optim/optimizer.ts";
import { compile } from "../tensor/compile.ts";
import { onesLike, zerosLike } from "../tensor/create.ts";
import { normal as drawNormal } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface DCGANOptions {
  /** Height and width of images, a power of two from 8. Default 64. */
  imageSize?: number;
  /** Default 3. */
  channels?: number;
  /** How many numbers an image is made from. Default 100. */
  latent?: number;
  /** Channels next to the image; each halving doubles them. Default 64. */
  width?: number;
}

/** The options in full, and how many halvings lie between the image and 4 × 4. */
function settled(where: string, { imageSize = 64, channels = 3, latent = 100, width = 64 }: DCGANOptions): Required<DCGANOptions> & { halvings: number } {
  for (const [name, count] of Object.entries({ channels, latent, width })) expectCount(where, name, count);
  const halvings = Math.log2(imageSize) - 2;
  if (!Number.isInteger(halvings) || halvings < 1) throw new CambiumError("value", where, `imageSize is a power of two from 8, got ${imageSize}`);
  return { imageSize, channels, latent, width, halvings };
}

/** Start values of the paper: everything spread by 0.02. */
function start(module: Module): void {
  if (module instanceof Conv2d || module instanceof ConvTranspose2d) normal(module.weight, 0, 0.02);
  if (module instanceof BatchNorm2d) normal(module.weight!, 1, 0.02);
}

/**
 * The half of a DCGAN that makes images from noise.
 * @shape [batch, latent] or [batch, latent, 1, 1] → [batch, channels, imageSize, imageSize], numbers from −1 to 1
 * @source Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial networks" (2015); paths of PyTorch's example
 */
export class Generator extends Module {
  readonly latent: number;
  main: Sequential = new Sequential();

  constructor(options: DCGANOptions = {}) {
    super();
    const { channels, latent, width, halvings } = settled("Generator", options);
    this.latent = latent;
    for (let i = halvings; i >= 0; i--) {
      const from = i === halvings ? latent : width * 2 ** i;
      const to = i === 0 ? channels : width * 2 ** (i - 1);
      const first = i === halvings;
      this.main.append(new ConvTranspose2d(from, to, 4, { stride: first ? 1 : 2, padding: first ? 0 : 1, bias: false }));
      if (i > 0) this.main.append(new BatchNorm2d(to)).append(new ReLU());
    }
    this.main.append(new Tanh());
    this.apply(start);
  }

  forward(noise: Tensor): Tensor {
    return this.main.forward(noise.rank === 2 ? noise.reshape([...noise.shape, 1, 1]) : noise);
  }

  /** `count` images from new noise. */
  sample(count: number): Tensor {
    return this.forward(drawNormal([count, this.latent]));
  }
}

/**
 * The half of a DCGAN that tells images from made ones.
 * @shape [batch, channels, imageSize, imageSize] → [batch] scores, high for true images (before a sigmoid)
 * @source as `Generator`
 */
export class Discriminator extends Module {
  main: Sequential = new Sequential();

  constructor(options: DCGANOptions = {}) {
    super();
    const { channels, width, halvings } = settled("Discriminator", options);
    for (let i = 0; i < halvings; i++) {
      this.main.append(new Conv2d(i === 0 ? channels : width * 2 ** (i - 1), width * 2 ** i, 4, { stride: 2, padding: 1, bias: false }));
      if (i > 0) this.main.append(new BatchNorm2d(width * 2 ** i));
      this.main.append(new LeakyReLU(0.2));
    }
    this.main.append(new Conv2d(width * 2 ** (halvings - 1), 1, 4, { bias: false }));
    this.apply(start);
  }

  forward(x: Tensor): Tensor {
    return this.main.forward(x).reshape([x.shape[0]!]);
  }
}

/** Both halves and who trains them. */
export interface Adversaries {
  readonly generator: Generator;
  readonly discriminator: Module & { forward(x: Tensor): Tensor };
  /** Default settings of the paper: `new optim.Adam(generator.parameters(), { lr: 2e-4, betas: [0.5, 0.999] })`. */
  readonly generatorOptimizer: Optimizer<BaseOptions>;
  readonly discriminatorOptimizer: Optimizer<BaseOptions>;
}

/** What both halves lost in a step. */
export type AdversarialLosses = { generator: Tensor; discriminator: Tensor };

/**
 * A compiled step: the discriminator learns from true and made images, then the generator from what the discriminator now says of the same made ones.
 * @source Goodfellow et al., "Generative adversarial nets" (2014), with the loss for the generator that does not fade
 * @example
 * ```ts
 * const step = adversarialStep({ generator, discriminator, generatorOptimizer, discriminatorOptimizer });
 * for (const images of batches) console.log(step(images).generator.item());
 * ```
 */
export function adversarialStep({ generator, discriminator, generatorOptimizer, discriminatorOptimizer }: Adversaries): (images: Tensor) => AdversarialLosses {
  const loss = (scores: Tensor, truth: (x: Tensor) => Tensor): Tensor => binaryCrossEntropyWithLogits(scores, truth(scores));
  return compile((images: Tensor): AdversarialLosses => {
    const made = generator.sample(images.shape[0]!);
    const told = loss(discriminator.forward(images), onesLike).add(loss(discriminator.forward(made.detach()), zerosLike));
    discriminatorOptimizer.zeroGrad();
    told.backward();
    discriminatorOptimizer.step();
    const fooled = loss(discriminator.forward(made), onesLike);
    generatorOptimizer.zeroGrad();
    fooled.backward();
    generatorOptimizer.step();
    return { generator: fooled, discriminator: told };
  });
}
