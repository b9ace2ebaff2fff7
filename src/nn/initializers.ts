/** Keras' initialisers, by name and as functions with options; each gives start values for a shape and its fans. */
import { CambiumError } from "../base/error.ts";
import { suggest } from "../base/text.ts";
import * as start from "./start.ts";
import type { Start } from "./start.ts";

export const zeros = (): Start => start.zeros;

export const ones = (): Start => start.ones;

export const constant = ({ value = 0 }: { value?: number } = {}): Start => start.constant(value);

export const randomUniform = ({ minval = -0.05, maxval = 0.05 }: { minval?: number; maxval?: number } = {}): Start => start.uniform(minval, maxval);

export const randomNormal = ({ mean = 0, stddev = 0.05 }: { mean?: number; stddev?: number } = {}): Start => start.normal(mean, stddev);

export const truncatedNormal = ({ mean = 0, stddev = 0.05 }: { mean?: number; stddev?: number } = {}): Start => start.truncatedNormal(mean, stddev);

/** Keras' own words for the fans. */
export interface VarianceScalingOptions {
  scale?: number;
  mode?: "fanIn" | "fanOut" | "fanAvg";
  distribution?: "truncatedNormal" | "untruncatedNormal" | "uniform";
}

const modes = { fanIn: "in", fanOut: "out", fanAvg: "average" } as const;

export const varianceScaling = ({ scale = 1, mode = "fanIn", distribution = "truncatedNormal" }: VarianceScalingOptions = {}): Start =>
  start.varianceScaling({ scale, mode: modes[mode], distribution: distribution === "untruncatedNormal" ? "normal" : distribution });

export const glorotUniform = (): Start => start.varianceScaling({ mode: "average", distribution: "uniform" });

export const glorotNormal = (): Start => start.varianceScaling({ mode: "average" });

export const heUniform = (): Start => start.varianceScaling({ scale: 2, distribution: "uniform" });

export const heNormal = (): Start => start.varianceScaling({ scale: 2 });

export const lecunUniform = (): Start => start.varianceScaling({ distribution: "uniform" });

export const lecunNormal = (): Start => start.varianceScaling();

export const orthogonal = ({ gain = 1 }: { gain?: number } = {}): Start => start.orthogonal(gain, "last");

export const identity = ({ gain = 1 }: { gain?: number } = {}): Start => start.identity(gain);

const known: Readonly<Record<string, () => Start>> = {
  zeros,
  ones,
  constant,
  randomUniform,
  randomNormal,
  truncatedNormal,
  varianceScaling,
  glorotUniform,
  glorotNormal,
  heUniform,
  heNormal,
  lecunUniform,
  lecunNormal,
  orthogonal,
  identity,
};

const spelled = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()).replace(/^[A-Z]/, (letter) => letter.toLowerCase());

/** The initialiser a name stands for ("glorotUniform", "glorot_uniform", "GlorotUniform"); functions pass through. */
export function get(initializer: string | Start): Start {
  if (typeof initializer === "function") return initializer;
  const name = spelled(initializer);
  if (!Object.hasOwn(known, name))
    throw new CambiumError("name", "initializers", `there is no initializer "${initializer}"`, suggest(initializer, Object.keys(known)));
  return known[name]!();
}
