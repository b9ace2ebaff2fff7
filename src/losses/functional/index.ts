/** PyTorch's losses as functions of the prediction and the target. */
export { type BCEOptions, type BCEWithLogitsOptions, binaryCrossEntropy, binaryCrossEntropyWithLogits } from "../binary.ts";
export { crossEntropy, type CrossEntropyOptions, nllLoss, type NLLOptions } from "../crossentropy.ts";
export { ctcLoss, type CTCOptions } from "../ctc.ts";
export { huberLoss, type HuberOptions, l1Loss, mseLoss, smoothL1Loss, type SmoothL1Options } from "../distance.ts";
export { klDiv, type KLDivOptions } from "../divergence.ts";
export {
  contrastiveLoss,
  type ContrastiveOptions,
  cosineEmbeddingLoss,
  type CosineEmbeddingOptions,
  infoNceLoss,
  ntXentLoss,
  type TemperatureOptions,
  type TripletDistanceOptions,
  tripletMarginLoss,
  type TripletMarginOptions,
  tripletMarginWithDistanceLoss,
  type TripletWithDistanceOptions,
} from "../embedding.ts";
export { type FocalOptions, sigmoidFocalLoss } from "../focal.ts";
export { gaussianNllLoss, type GaussianNLLOptions, poissonNllLoss, type PoissonNLLOptions } from "../likelihood.ts";
export { linearCrossEntropy, type LinearCrossEntropyOptions } from "../linear.ts";
export {
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
} from "../margin.ts";
export type { Reduction, ReductionOptions } from "../reduce.ts";
