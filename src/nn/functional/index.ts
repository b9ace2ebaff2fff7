/** The door for PyTorch's `torch.nn.functional`: modules as functions, weights given by hand. */
export * from "../applied.ts";
export { scaledDotProductAttention } from "../attention.ts";
export { batchNorm, type RunningOptions } from "../batchnorm.ts";
export { bilinear } from "../bilinear.ts";
export { conv1d, conv2d, conv3d } from "../conv.ts";
export { convTranspose1d, convTranspose2d, convTranspose3d } from "../convtranspose.ts";
export { cosineSimilarity, pairwiseDistance, pdist } from "../distance.ts";
export { alphaDropout, dropout, dropout1d, dropout2d, dropout3d, featureAlphaDropout } from "../dropout.ts";
export { type BagOptions, embeddingBag } from "../embeddingbag.ts";
export { prelu, rrelu } from "../gated.ts";
export { gumbelSoftmax, type GumbelOptions } from "../gumbel.ts";
export { type MultiHeadForwardOptions, multiHeadAttentionForward } from "../heads.ts";
export { instanceNorm } from "../instancenorm.ts";
export { linear } from "../linear.ts";
export { affineGrid, gridSample, type GridSampleOptions } from "../sampling.ts";
export { maxUnpool1d, maxUnpool2d, maxUnpool3d } from "../unpool.ts";
export { interpolate } from "../upsample.ts";
export * from "../../losses/functional/index.ts";
