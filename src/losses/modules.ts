/** The losses as modules: the functions of this folder with their options kept. */
import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { precise } from "../tensor/autocast.ts";
import type { TensorLike } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type BCEOptions, type BCEWithLogitsOptions, binaryCrossEntropy, binaryCrossEntropyWithLogits } from "./binary.ts";
import { crossEntropy, type CrossEntropyOptions, type NLLOptions, nllLoss } from "./crossentropy.ts";
import { ctcLoss, type CTCOptions } from "./ctc.ts";
import { type HuberOptions, huberLoss, l1Loss, mseLoss, type SmoothL1Options, smoothL1Loss } from "./distance.ts";
import { klDiv, type KLDivOptions } from "./divergence.ts";
import {
  cosineEmbeddingLoss,
  type CosineEmbeddingOptions,
  type TripletDistanceOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
  type TripletWithDistanceOptions,
} from "./embedding.ts";
import { gaussianNllLoss, type GaussianNLLOptions, poissonNllLoss, type PoissonNLLOptions } from "./likelihood.ts";
import {
  hingeEmbeddingLoss,
  type HingeEmbeddingOptions,
  marginRankingLoss,
  type MarginRankingOptions,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  type MultiLabelSoftMarginOptions,
  multiMarginLoss,
  type MultiMarginOptions,
  softMarginLoss,
} from "./margin.ts";
import type { ReductionOptions } from "./reduce.ts";

/** A loss with its options: `forward(prediction, target)` gives one number, or with `reduction: "none"` one for each. */
export type Loss<Inputs extends readonly TensorLike[] = [input: Tensor, target: Tensor]> = Module & { forward(...inputs: Inputs): Tensor };

export type LossClass<Options extends object, Inputs extends readonly TensorLike[] = [input: Tensor, target: Tensor]> = new (options?: Options) => Loss<Inputs>;

/** A class that keeps the options of `f`; the first inputs, by their names, must be tensors. */
function loss<Options extends object, Inputs extends readonly TensorLike[] = [input: Tensor, target: Tensor]>(
  name: string,
  f: (...inputs: [...Inputs, options?: Options]) => Tensor,
  inputs: readonly string[] = ["the prediction", "the target"],
): LossClass<Options, Inputs> {
  const made = class extends Module {
    readonly #options: Options | undefined;

    constructor(options?: Options) {
      super();
      this.#options = options;
    }

    forward(...given: Inputs): Tensor {
      for (const [i, what] of inputs.entries())
        if (!(given[i] instanceof Tensor))
          throw new CambiumError("value", name, `${what} must be a tensor, got ${given[i] === null ? "null" : typeof given[i]}`, "wrap it: tensor(x)");
      return f(...(given.map(precise) as unknown as Inputs), this.#options);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made as unknown as LossClass<Options, Inputs>;
}

/** The mean squared distance. @shape input and target [...] @source PyTorch `nn.MSELoss` */
export const MSELoss: LossClass<ReductionOptions> = loss("MSELoss", mseLoss);

/** The mean distance. @shape input and target [...] @source PyTorch `nn.L1Loss` */
export const L1Loss: LossClass<ReductionOptions> = loss("L1Loss", l1Loss);

/** A square near 0, the distance farther off. @shape input and target [...] @source PyTorch `nn.SmoothL1Loss` */
export const SmoothL1Loss: LossClass<SmoothL1Options> = loss("SmoothL1Loss", smoothL1Loss);

/** A square near 0, `delta` times the distance farther off. @shape input and target [...] @source PyTorch `nn.HuberLoss` */
export const HuberLoss: LossClass<HuberOptions> = loss("HuberLoss", huberLoss);

/**
 * How surprising the truth is to scores, before any softmax.
 * @shape input [batch, classes, ...], target [batch, ...] of class numbers or [batch, classes, ...] of shares
 * @source PyTorch `nn.CrossEntropyLoss`
 */
export const CrossEntropyLoss: LossClass<CrossEntropyOptions> = loss("CrossEntropyLoss", crossEntropy);

/** Minus the logarithmic share of the true class. @shape input [batch, classes, ...], target [batch, ...] @source PyTorch `nn.NLLLoss` */
export const NLLLoss: LossClass<NLLOptions> = loss("NLLLoss", nllLoss);

/** How surprising the truth is to chances. @shape input and target [...] @source PyTorch `nn.BCELoss` */
export const BCELoss: LossClass<BCEOptions> = loss("BCELoss", binaryCrossEntropy);

/** How surprising the truth is to scores, before any sigmoid. @shape input and target [...] @source PyTorch `nn.BCEWithLogitsLoss` */
export const BCEWithLogitsLoss: LossClass<BCEWithLogitsOptions> = loss("BCEWithLogitsLoss", binaryCrossEntropyWithLogits);

/** How far one distribution, given by its logarithms, lies from another. @shape input and target [...] @source PyTorch `nn.KLDivLoss` */
export const KLDivLoss: LossClass<KLDivOptions> = loss("KLDivLoss", klDiv);

/** How surprising counts are to a predicted rate. @shape input and target [...] @source PyTorch `nn.PoissonNLLLoss` */
export const PoissonNLLLoss: LossClass<PoissonNLLOptions> = loss("PoissonNLLLoss", poissonNllLoss);

/** How surprising numbers are to a predicted mean and variance: `forward(mean, target, variance)`. @source PyTorch `nn.GaussianNLLLoss` */
export const GaussianNLLLoss: LossClass<GaussianNLLOptions, [input: Tensor, target: Tensor, variance: Tensor]> = loss("GaussianNLLLoss", gaussianNllLoss, [
  "the prediction",
  "the target",
  "the variance",
]);

/** A smooth margin for targets of 1 and −1. @shape input and target [...] @source PyTorch `nn.SoftMarginLoss` */
export const SoftMarginLoss: LossClass<ReductionOptions> = loss("SoftMarginLoss", softMarginLoss);

/** Distances where the target is 1, what they lack of a margin where it is −1. @shape input and target [...] @source PyTorch `nn.HingeEmbeddingLoss` */
export const HingeEmbeddingLoss: LossClass<HingeEmbeddingOptions> = loss("HingeEmbeddingLoss", hingeEmbeddingLoss);

/** What the true class lacks of leading every other. @shape input [batch, classes], target [batch] @source PyTorch `nn.MultiMarginLoss` */
export const MultiMarginLoss: LossClass<MultiMarginOptions> = loss("MultiMarginLoss", multiMarginLoss);

/** What the true classes lack of leading all others. @shape input and target [batch, classes] @source PyTorch `nn.MultiLabelMarginLoss` */
export const MultiLabelMarginLoss: LossClass<ReductionOptions> = loss("MultiLabelMarginLoss", multilabelMarginLoss);

/** How surprising several bits are to scores. @shape input and target [batch, classes] @source PyTorch `nn.MultiLabelSoftMarginLoss` */
export const MultiLabelSoftMarginLoss: LossClass<MultiLabelSoftMarginOptions> = loss("MultiLabelSoftMarginLoss", multilabelSoftMarginLoss);

type Pair = [input1: Tensor, input2: Tensor, target: Tensor];
type Triplet = [anchor: Tensor, positive: Tensor, negative: Tensor];
const pair = ["the first input", "the second input", "the target"];
const triplet = ["the anchor", "the positive", "the negative"];

/** What one lacks of being larger than the other: `forward(input1, input2, target)`. @source PyTorch `nn.MarginRankingLoss` */
export const MarginRankingLoss: LossClass<MarginRankingOptions, Pair> = loss("MarginRankingLoss", marginRankingLoss, pair);

/** How far the cosine is from where it is to be: `forward(input1, input2, target)`. @source PyTorch `nn.CosineEmbeddingLoss` */
export const CosineEmbeddingLoss: LossClass<CosineEmbeddingOptions, Pair> = loss("CosineEmbeddingLoss", cosineEmbeddingLoss, pair);

/** What the negative lacks of being farther than the positive: `forward(anchor, positive, negative)`. @source PyTorch `nn.TripletMarginLoss` */
export const TripletMarginLoss: LossClass<TripletDistanceOptions, Triplet> = loss("TripletMarginLoss", tripletMarginLoss, triplet);

/** The same by any distance. @source PyTorch `nn.TripletMarginWithDistanceLoss` */
export const TripletMarginWithDistanceLoss: LossClass<TripletWithDistanceOptions, Triplet> = loss(
  "TripletMarginWithDistanceLoss",
  tripletMarginWithDistanceLoss,
  triplet,
);

/** How surprising labels in order are to an input of any length: `forward(logProbs, targets, inputLengths, targetLengths)`. @source PyTorch `nn.CTCLoss` */
export const CTCLoss: LossClass<CTCOptions, [logProbs: Tensor, targets: Tensor, inputLengths: TensorLike, targetLengths: TensorLike]> = loss(
  "CTCLoss",
  ctcLoss,
  ["the input", "the targets"],
);
