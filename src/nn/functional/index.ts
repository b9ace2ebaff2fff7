/** The door for PyTorch's `torch.nn.functional`: modules as functions, weights given by hand. */
export * from "../applied.ts";
export { scaledDotProductAttention } from "../attention.ts";
export { conv1d, conv2d, conv3d } from "../conv.ts";
export { interpolate } from "../upsample.ts";
export { cosineSimilarity, pairwiseDistance } from "../distance.ts";
export * from "../../losses/functional/index.ts";
