/** The door for optimizers in PyTorch's manner: `new optim.Adam(model.parameters())`. */
export { clipGradNorm, clipGradsWithNorm, clipGradValue, totalNorm } from "./clip.ts";
export { type BaseOptions, type Group, Optimizer, type OptimizerState } from "./optimizer.ts";
export * as lrScheduler from "./schedules.ts";
export { Adagrad, type AdagradOptions, Adam, type AdamOptions, AdamW, RMSprop, type RMSpropOptions, SGD, type SGDOptions } from "./torch.ts";
