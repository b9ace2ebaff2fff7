/** The door for losses: Keras' as functions of (yTrue, yPred), PyTorch's as modules. */
export type { LabelKind, LossFunction } from "./function.ts";
export { type AnyLoss, get } from "./get.ts";
export * from "./keras.ts";
export { checkLabels, checkNumbers } from "./labels.ts";
export * from "./modules.ts";
