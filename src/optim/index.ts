/** The door for optimizers in PyTorch's manner: `new optim.Adam(model.parameters())`. */
export { clipGradNorm, clipGradsWithNorm, clipGradValue, totalNorm } from "./clip.ts";
export { Lookahead, type LookaheadOptions } from "./lookahead.ts";
export { type BaseOptions, type Group, Optimizer, type OptimizerState } from "./optimizer.ts";
export * as swaUtils from "./swa/index.ts";
export * as lrScheduler from "./schedule/index.ts";
export { Adam, type AdamOptions, AdamW, Adamax, type MomentsOptions, NAdam, type NAdamOptions, RAdam, type RAdamOptions } from "./torch/adam.ts";
export { LBFGS, type LBFGSOptions, type LBFGSState } from "./torch/lbfgs.ts";
export { Adafactor, type AdafactorOptions, Muon, type MuonOptions } from "./torch/matrices.ts";
export { ASGD, type ASGDOptions, Rprop, type RpropOptions, SGD, type SGDOptions } from "./torch/sgd.ts";
export { Adadelta, type AdadeltaOptions, Adagrad, type AdagradOptions, RMSprop, type RMSpropOptions } from "./torch/squares.ts";
