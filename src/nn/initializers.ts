/** Keras' initialisers, by name and as functions with options; each gives start values for a shape and its fans. */
import { CambiumError } from "../base/error.ts";
import { bare, unknownName } from "../base/text.ts";
import { arange, fromArray } from "../tensor/create.ts";
import { blackman, hamming, hann } from "../tensor/fft.ts";
import type { Tensor } from "../tensor/tensor.ts";
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

export interface STFTOptions {
  /** Default `"real"`. */
  side?: "real" | "imag";
  /** What frames are multiplied with: by name, or numbers; `null` for nothing. Default `"hann"`. */
  window?: WindowName | readonly number[] | null;
  /** What kernels are divided by: the window's length as a vector, or the sum of its sizes; `null` for nothing. Default `"density"`. */
  scaling?: "density" | "spectrum" | null;
  /** Whether the window is one period of a longer one. Default `false`. */
  periodic?: boolean;
}

export type WindowName = "hann" | "hamming" | "blackman";

const windows: Readonly<Record<WindowName, typeof hann>> = { hann, hamming, blackman };

/**
 * The window of that name, or of those numbers, for `length` samples.
 * @throws a `name` error for an unknown window, a `shape` error for numbers of another length
 */
export function windowOf(where: string, given: WindowName | readonly number[], length: number, periodic: boolean): Tensor {
  if (typeof given === "string") {
    const found = windows[given];
    if (!found) throw unknownName(where, "window", given, Object.keys(windows));
    return found(length, { symmetric: !periodic });
  }
  if (given.length !== length) throw new CambiumError("shape", where, `the window has ${given.length} numbers for frames of ${length}`);
  return fromArray(Float32Array.from(given));
}

/** Kernels `[frame, 1, frequencies]` that make of a signal the real or imaginary parts of its spectra. @source Keras `STFT` */
export const stft =
  ({ side = "real", window = "hann", scaling = "density", periodic = false }: STFTOptions = {}): Start =>
  ([frame, , bands]) => {
    const n = Math.max(2 * (bands! - 1), 1);
    const angle = arange(frame!)
      .to("float32")
      .reshape([-1, 1, 1])
      .mul(arange(bands!).to("float32"))
      .mul((-2 * Math.PI) / n);
    const kernel = side === "real" ? angle.cos() : angle.sin();
    if (window === null) return kernel;
    const shape = windowOf("initializers.stft", window, frame!, periodic);
    const size = scaling === "density" ? shape.square().sum().sqrt() : scaling === "spectrum" ? shape.abs().sum() : undefined;
    const scaled = kernel.mul(shape.reshape([-1, 1, 1]));
    return size ? scaled.div(size) : scaled;
  };

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
