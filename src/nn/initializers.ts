/** Keras' initialisers, by name and as functions with options; each gives start values for a shape and its fans. */
import { bare, unknownName } from "../base/text.ts";
import * as start from "./start.ts";
import type { Start } from "./start.ts";

/** Start values that are the same at every use, instead of going by the program's seed. */
export interface Seeded {
  seed?: number;
}

const { seeded } = start;

export const zeros = (): Start => start.zeros;

export const ones = (): Start => start.ones;

export const constant = ({ value = 0 }: { value?: number } = {}): Start => start.constant(value);

export const randomUniform = ({ minval = -0.05, maxval = 0.05, seed }: { minval?: number; maxval?: number } & Seeded = {}): Start =>
  seeded(start.uniform(minval, maxval), seed);

export const randomNormal = ({ mean = 0, stddev = 0.05, seed }: { mean?: number; stddev?: number } & Seeded = {}): Start =>
  seeded(start.normal(mean, stddev), seed);

export const truncatedNormal = ({ mean = 0, stddev = 0.05, seed }: { mean?: number; stddev?: number } & Seeded = {}): Start =>
  seeded(start.truncatedNormal(mean, stddev), seed);

/** Keras' own words for the fans. */
export interface VarianceScalingOptions extends Seeded {
  scale?: number;
  mode?: "fanIn" | "fanOut" | "fanAvg";
  distribution?: "truncatedNormal" | "untruncatedNormal" | "uniform";
}

const modes = { fanIn: "in", fanOut: "out", fanAvg: "average" } as const;

export const varianceScaling = ({ scale = 1, mode = "fanIn", distribution = "truncatedNormal", seed }: VarianceScalingOptions = {}): Start =>
  seeded(start.varianceScaling({ scale, mode: modes[mode], distribution: distribution === "untruncatedNormal" ? "normal" : distribution }), seed);

export const glorotUniform = ({ seed }: Seeded = {}): Start => seeded(start.varianceScaling({ mode: "average", distribution: "uniform" }), seed);

export const glorotNormal = ({ seed }: Seeded = {}): Start => seeded(start.varianceScaling({ mode: "average" }), seed);

export const heUniform = ({ seed }: Seeded = {}): Start => seeded(start.varianceScaling({ scale: 2, distribution: "uniform" }), seed);

export const heNormal = ({ seed }: Seeded = {}): Start => seeded(start.varianceScaling({ scale: 2 }), seed);

export const lecunUniform = ({ seed }: Seeded = {}): Start => seeded(start.varianceScaling({ distribution: "uniform" }), seed);

export const lecunNormal = ({ seed }: Seeded = {}): Start => seeded(start.varianceScaling(), seed);

export const orthogonal = ({ gain = 1, seed }: { gain?: number } & Seeded = {}): Start => seeded(start.orthogonal(gain, "last"), seed);

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

/** Keras' other words for them. */
const short: Readonly<Record<string, string>> = { zero: "zeros", one: "ones", normal: "randomNormal", uniform: "randomUniform" };

/** The initialiser a name stands for ("glorotUniform", "glorot_uniform", "GlorotUniform", "uniform"); functions pass through. */
export function get(initializer: string | Start): Start {
  if (typeof initializer === "function") return initializer;
  const plain = bare(initializer).replace(/initializer$/, "");
  const name = short[plain] ?? Object.keys(known).find((full) => bare(full) === plain);
  if (name === undefined) throw unknownName("initializers", "initializer", initializer, Object.keys(known));
  return known[name]!();
}
