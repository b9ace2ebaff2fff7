/** The door for PyTorch's `torch.nn.functional`: modules as functions, weights given by hand. */
export * from "../applied.ts";
export { scaledDotProductAttention } from "../attention.ts";
export { conv1d, conv2d, conv3d } from "../conv.ts";
export { cosineSimilarity, pairwiseDistance } from "../distance.ts";
export { binaryCrossEntropy, binaryCrossEntropyWithLogits } from "../../losses/binary.ts";
export { crossEntropy, nllLoss } from "../../losses/crossentropy.ts";
export { huberLoss, l1Loss, mseLoss, smoothL1Loss } from "../../losses/distance.ts";
export { klDiv } from "../../losses/divergence.ts";
