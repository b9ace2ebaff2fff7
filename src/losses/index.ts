/** The door for losses: Keras' as functions of (yTrue, yPred), PyTorch's as modules. */
export { costOf, type LabelKind, type LossFunction, type LossReduction } from "./function.ts";
export * as functional from "./functional/index.ts";
export { type AnyLoss, get } from "./get.ts";
export * from "./keras.ts";
export * from "./kinds.ts";
export { checkLabels, checkNumbers } from "./labels.ts";
export * from "./modules.ts";
