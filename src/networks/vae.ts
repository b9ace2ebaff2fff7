import { CambiumError } from "../base/error.ts";
import { same, show, size } from "../base/shape.ts";
import { surpriseOfScores } from "../losses/binary.ts";
import { Module } from "../module/module.ts";
import { type ActivationClass, ReLU } from "../nn/activation.ts";
import { Linear } from "../nn/linear.ts";
import { normal } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { MLP } from "./mlp.ts";

export interface VAEOptions {
  /** How many numbers an example has. Default 784. */
  inputSize?: number;
  /** Features of the layers on the way in; on the way out they come in turn. Default `[400]`. */
  hidden?: readonly [number, ...number[]];
  /** How many numbers an example is put into. Default 20. */
  latent?: number;
  /** Default `nn.ReLU`. */
  activation?: ActivationClass;
}

/** What a variational autoencoder makes of examples. */
export interface Encoded {
  /** [batch, inputSize], before a sigmoid. */
  readonly scores: Tensor;
  /** [batch, latent] */
  readonly mean: Tensor;
  /** [batch, latent]: the logarithm of the variance. */
  readonly logVariance: Tensor;
}

/** A bound of how surprising examples are, a mean over the batch, and the two parts that add up to it. */
export interface Bound {
  readonly loss: Tensor;
  /** How surprising the examples are to what was decoded. */
  readonly reconstruction: Tensor;
  /** How far codes lie from a standard bell curve. */
  readonly divergence: Tensor;
}

/**
 * A variational autoencoder of linear maps: examples become bell curves, and numbers drawn from those become examples again.
 * @shape [batch, ...], inputSize numbers an example, from 0 to 1
 * @source Kingma and Welling, "Auto-encoding variational Bayes" (2013)
 * @example
 * ```ts
 * const { loss } = negativeELBO(model.forward(x), x);
 * ```
 */
export class VAE extends Module {
  readonly latent: number;
  encoder: MLP;
  mean: Linear;
  logVariance: Linear;
  decoder: MLP;
  readonly #activation;

  constructor({ inputSize = 784, hidden = [400], latent = 20, activation = ReLU }: VAEOptions = {}) {
    super();
    if (hidden.length === 0) throw new CambiumError("value", "VAE", "hidden is empty: there must be a layer between examples and codes");
    const features = hidden.at(-1)!;
    this.latent = latent;
    this.encoder = new MLP({ inputSize, hidden: hidden.slice(0, -1), numClasses: features, activation });
    this.mean = new Linear(features, latent);
    this.logVariance = new Linear(features, latent);
    this.decoder = new MLP({ inputSize: latent, hidden: hidden.toReversed(), numClasses: inputSize, activation });
    this.#activation = new activation();
  }

  /** The bell curves of examples. */
  encode(x: Tensor): Omit<Encoded, "scores"> {
    const features = this.#activation.forward(this.encoder.forward(x));
    return { mean: this.mean.forward(features), logVariance: this.logVariance.forward(features) };
  }

  /** Examples, numbers from 0 to 1, from codes. @shape [batch, latent] → [batch, inputSize] */
  decode(code: Tensor): Tensor {
    return this.decoder.forward(code).sigmoid();
  }

  /** Scores of what is decoded: in training from codes drawn, in evaluation from their means. */
  forward(x: Tensor): Encoded {
    const { mean, logVariance } = this.encode(x);
    return { scores: this.decoder.forward(this.training ? reparameterize(mean, logVariance) : mean), mean, logVariance };
  }

  /** `count` new examples. @shape → [count, inputSize] */
  sample(count: number): Tensor {
    return this.decode(normal([count, this.latent]));
  }
}

/** Numbers drawn from bell curves, with a slope for what describes these. */
export const reparameterize = (mean: Tensor, logVariance: Tensor): Tensor => mean.add(logVariance.mul(0.5).exp().mul(normal(mean.shape)));

/** How far bell curves lie from the standard one, for each example. @shape [batch, latent] twice → [batch] */
export const gaussianDivergence = (mean: Tensor, logVariance: Tensor): Tensor => mean.square().add(logVariance.exp()).sub(logVariance).sub(1).mul(0.5).sum(-1);

/**
 * The evidence lower bound with its sign turned, to be made small. `beta` says how much the divergence counts.
 * @source Kingma and Welling (2013), equation 10 with Bernoulli outputs; `beta`: Higgins et al., "β-VAE" (2017)
 */
export function negativeELBO({ scores, mean, logVariance }: Encoded, x: Tensor, { beta = 1 }: { beta?: number } = {}): Bound {
  const truth = x.reshape([x.shape[0]!, size(x.shape.slice(1))]);
  if (!same(truth.shape, scores.shape)) throw new CambiumError("shape", "negativeELBO", `the scores are ${show(scores.shape)}, the examples ${show(x.shape)}`);
  const reconstruction = surpriseOfScores(scores, truth).sum(-1).mean();
  const divergence = gaussianDivergence(mean, logVariance).mean();
  return { loss: reconstruction.add(divergence.mul(beta)), reconstruction, divergence };
}

/** A variational autoencoder. */
export const vae = (options?: VAEOptions): VAE => new VAE(options);
