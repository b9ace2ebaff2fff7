/** PyTorch's `lr_scheduler`: how the rates of an optimizer's groups go on from step to step. */
export { ChainedScheduler, type CombinedState, SequentialLR } from "./combined.ts";
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from "./plateau.ts";
export {
  ConstantLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  LRScheduler,
  MultiplicativeLR,
  MultiStepLR,
  PolynomialLR,
  type Scheduled,
  type ScheduleState,
  StepLR,
} from "./scheduler.ts";
export {
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  type CyclicOptions,
  OneCycleLR,
  type OneCycleOptions,
  SWALR,
  type SWALROptions,
} from "./waves.ts";
