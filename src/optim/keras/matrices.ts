import { CambiumError } from "../../base/error.ts";
import { adafactor as adafactorRule } from "../rules/adafactor.ts";
import { adam } from "../rules/adam.ts";
import { muon as muonRule } from "../rules/muon.ts";
import { KerasOptimizer, type OptimizerOptions } from "./optimizer.ts";

export interface AdafactorOptions extends OptimizerOptions {
  /** The power with which the share of new squares falls. Default −0.8. */
  beta2Decay?: number;
  /** Keeps squares above 0. Default 1e-30. */
  epsilon1?: number;
  /** The least size that weights are taken to have. Default 1e-3. */
  epsilon2?: number;
  /** How large, in the mean square, a step may be. Default 1. */
  clipThreshold?: number;
  /** Whether the rate is at most `1 / √steps`. Default `true`; the steps themselves always are. */
  relativeStep?: boolean;
}

/** Adam with the mean squares of a matrix kept as those of its rows and columns. @source Keras `Adafactor`: learningRate 1e-3 */
export function adafactor(options: AdafactorOptions = {}): KerasOptimizer {
  const { beta2Decay = -0.8, epsilon1 = 1e-30, epsilon2 = 1e-3, clipThreshold = 1, relativeStep = true } = options;
  return new KerasOptimizer(
    "adafactor",
    options,
    { learningRate: 1e-3, beta2Decay, epsilon1, epsilon2, clipThreshold, relativeStep },
    adafactorRule({ decay: beta2Decay, eps1: epsilon1, eps2: epsilon2, clip: clipThreshold, way: "keras" }),
    ["beta2Decay"],
  );
}

export interface MuonOptions extends OptimizerOptions {
  /** How much of the mean gradient stays, for weights that are no matrices. Default 0.9. */
  adamBeta1?: number;
  /** How much of the mean square stays, for weights that are no matrices. Default 0.999. */
  adamBeta2?: number;
  /** `weightDecay` for weights that are no matrices. Default 0.004. */
  adamWeightDecay?: number;
  /** What the rate is multiplied by for weights that are no matrices. Default 1. */
  adamLrRatio?: number;
  /** Keeps the quotient finite. Default 1e-7. */
  epsilon?: number;
  /** Weights whose path has a match for one of these are changed by Adam too. */
  excludeLayers?: readonly string[];
  /** Whether embeddings are changed by Adam. Default `true`. */
  excludeEmbeddings?: boolean;
  /** The coefficients of the quintic. Default 3.4445, −4.775, 2.0315. */
  muonA?: number;
  muonB?: number;
  muonC?: number;
  /** Default 0.95. */
  momentum?: number;
  /** How often the quintic is applied. Default 5. */
  nsSteps?: number;
  /** Default `true`. */
  nesterov?: boolean;
  /** What steps are scaled to, so that rates of Adam fit; `null`: they are not. Default 0.2. */
  rmsRate?: number | null;
}

/** Matrices by their momentum, made equally strong in all directions; all else by Adam. @source Keras `Muon`: learningRate 1e-3, weightDecay 0.004 */
export function muon(options: MuonOptions = {}): KerasOptimizer {
  const { adamBeta1 = 0.9, adamBeta2 = 0.999, adamWeightDecay = 0.004, adamLrRatio = 1, epsilon = 1e-7, weightDecay = 0.004 } = options;
  const { excludeLayers = [], excludeEmbeddings = true, muonA = 3.4445, muonB = -4.775, muonC = 2.0315, momentum = 0.95 } = options;
  const { nsSteps = 5, nesterov = true, rmsRate = 0.2 } = options;
  if (!Array.isArray(excludeLayers)) throw new CambiumError("value", "optimizers.muon", "excludeLayers is no list of patterns", 'excludeLayers: ["head"]');
  const patterns = excludeLayers.map((pattern) => new RegExp(pattern));
  const scale = (rows: number, columns: number): number => (rmsRate === null ? 1 : Math.sqrt(Math.max(rows, columns)) * rmsRate);
  const matrix = muonRule({ momentum, nesterov, steps: nsSteps, coefficients: [muonA, muonB, muonC], eps: 1e-7, scale, way: "keras" });
  const rest = adam({ beta1: adamBeta1, beta2: adamBeta2, eps: epsilon, way: "keras" });
  const other: typeof rest = adamLrRatio === 1 ? rest : { ...rest, common: (rate, count, shared) => rest.common!(rate.mul(adamLrRatio), count, shared) };
  const defaults = {
    ...{ learningRate: 1e-3, adamBeta1, adamBeta2, adamWeightDecay, adamLrRatio, epsilon, excludeLayers, excludeEmbeddings },
    ...{ muonA, muonB, muonC, momentum, nsSteps, nesterov, rmsRate },
  };
  return new KerasOptimizer(
    "muon",
    options,
    defaults,
    (path, { shape }) =>
      shape.length !== 2 || (excludeEmbeddings && path.toLowerCase().includes("embedding")) || patterns.some((pattern) => pattern.test(path))
        ? { rule: other, settings: { weightDecay: adamWeightDecay, decoupled: true } }
        : { rule: matrix, settings: { weightDecay, decoupled: true } },
    ["muonA", "muonB", "muonC", "rmsRate", "excludeLayers"],
  );
}
