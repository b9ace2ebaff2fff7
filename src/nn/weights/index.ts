/** The door for PyTorch's `torch.nn.utils`. */
export { removeParametrizations, spectralNorm, type SpectralNormOptions, weightNorm } from "../parametrization.ts";
export { parametersToVector, vectorToParameters } from "../vector.ts";
export * as rnn from "../packed.ts";
export { clipGradNorm, clipGradsWithNorm, clipGradValue, totalNorm } from "../../optim/clip.ts";
export { fuseConvBnEval, fuseLinearBnEval } from "../fusing.ts";
