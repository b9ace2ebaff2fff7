/** PyTorch's `swa_utils`: weights averaged beside the model that learns. */
export { SWALR, type SWALROptions } from "../schedule/waves.ts";
export { AveragedModel, type AveragedModelOptions, type AverageFunction, getEmaAvgFn, getSwaAvgFn, updateBn } from "./averaged.ts";
