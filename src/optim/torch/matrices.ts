import { CambiumError } from "../../base/error.ts";
import { show } from "../../base/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type BaseOptions, type Group, Optimizer } from "../optimizer.ts";
import { adafactor } from "../rules/adafactor.ts";
import { muon } from "../rules/muon.ts";
import type { Plan } from "../stepper.ts";

export interface AdafactorOptions extends BaseOptions {
  /** The power with which the share of new squares falls. Default −0.8. */
  beta2Decay?: number;
  /** Keeps squares above 0 (`null`: the dtype's own smallest step), and the least size that parameters are taken to have. Default [null, 1e-3]. */
  eps?: readonly [number | null, number];
  /** How large, in the mean square, a step may be. Default 1. */
  d?: number;
  /** Taken off the parameter, times the rate. Default 0. */
  weightDecay?: number;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Adam with the mean squares of a matrix kept as those of its rows and columns. @source PyTorch `optim.Adafactor`: lr 1e-2 */
export class Adafactor extends Optimizer<AdafactorOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<AdafactorOptions>>, options: AdafactorOptions = {}) {
    super(parameters, options, { lr: 1e-2, beta2Decay: -0.8, eps: [null, 1e-3], d: 1, weightDecay: 0, maximize: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return { square: "variance", row: "rowVar", column: "colVar" };
  }

  protected override get signed(): readonly string[] {
    return ["beta2Decay"];
  }

  protected plan({ beta2Decay, eps: [eps1, eps2], d, weightDecay, maximize }: Required<AdafactorOptions>): Plan {
    if (!(d >= 1)) throw new CambiumError("value", "Adafactor", `d is ${d}; steps may be as large as 1 or more`);
    if (!(beta2Decay <= 0)) throw new CambiumError("value", "Adafactor", `beta2Decay is ${beta2Decay}; it is a power up to 0`);
    return {
      rule: adafactor({ decay: beta2Decay, eps1: eps1 ?? undefined, eps2, clip: d, way: "torch" }),
      settings: { weightDecay, decoupled: true, maximize },
    };
  }
}

export interface MuonOptions extends BaseOptions {
  /** Taken off the parameter, times the rate. Default 0.1. */
  weightDecay?: number;
  /** Default 0.95. */
  momentum?: number;
  /** Default `true`. */
  nesterov?: boolean;
  /** The coefficients of the quintic. Default [3.4445, −4.775, 2.0315]. */
  nsCoefficients?: readonly [number, number, number];
  /** Keeps the quotient finite. Default 1e-7. */
  eps?: number;
  /** How often the quintic is applied. Default 5. */
  nsSteps?: number;
  /** What the rate of a matrix is scaled by: `"original"` (the default), or `"match_rms_adamw"`, for which rates of AdamW fit. */
  adjustLrFn?: "original" | "match_rms_adamw" | null;
}

const scales = {
  original: (rows: number, columns: number): number => Math.sqrt(Math.max(1, rows / columns)),
  match_rms_adamw: (rows: number, columns: number): number => 0.2 * Math.sqrt(Math.max(rows, columns)),
} as const;

/**
 * Steps by the momentum of a matrix, made equally strong in all its directions; other parameters need another optimizer.
 * @source PyTorch `optim.Muon`: lr 1e-3. PyTorch orthogonalises in bfloat16, this in the parameter's own dtype
 */
export class Muon extends Optimizer<MuonOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<MuonOptions>>, options: MuonOptions = {}) {
    super(parameters, options, {
      lr: 1e-3,
      weightDecay: 0.1,
      momentum: 0.95,
      nesterov: true,
      nsCoefficients: [3.4445, -4.775, 2.0315],
      eps: 1e-7,
      nsSteps: 5,
      adjustLrFn: null,
    });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return { velocity: "momentumBuffer" };
  }

  protected override expectFit({ shape }: Tensor): void {
    if (shape.length !== 2)
      throw new CambiumError("shape", "Muon", `a parameter is ${show(shape)}; only matrices have directions`, "give the other parameters to AdamW");
  }

  protected plan({ weightDecay, momentum, nesterov, nsCoefficients, eps, nsSteps, adjustLrFn }: Required<MuonOptions>): Plan {
    const scale = scales[adjustLrFn ?? "original"];
    if (!scale) throw new CambiumError("name", "Muon", `there is no adjustLrFn "${String(adjustLrFn)}"; it is "original" or "match_rms_adamw"`);
    return {
      rule: muon({ momentum, nesterov, steps: nsSteps, coefficients: nsCoefficients, eps, scale, way: "torch" }),
      settings: { weightDecay, decoupled: true },
    };
  }
}
