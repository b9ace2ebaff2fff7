/**
 * Fourier transforms, by NumPy's names: `fft.rfft(x)`. A complex number is a last axis of size 2, its real and its imaginary part;
 * axes are counted without it. Any length takes n log n steps.
 */
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { resolveAxis, type Shape, show } from "../base/shape.ts";
import { range } from "../ops/gather.ts";
import * as ops from "../ops/table.ts";
import { concat, fromArray, ones, stack, zerosLike } from "./create.ts";
import { Tensor } from "./tensor.ts";

export interface TransformOptions {
  /** How long the axis is made first, by cutting it or adding zeros. */
  readonly n?: number;
  /** Default −1. */
  readonly axis?: number;
  /** What is divided by n: the inverse, both by its root, or the forward transform. Default `"backward"`. */
  readonly norm?: "backward" | "ortho" | "forward";
}

export interface PlaneOptions extends Omit<TransformOptions, "n" | "axis"> {
  /** Default: the last two. */
  readonly axes?: readonly [number, number];
}

const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.to("float32"));

/** `x` with `n` places along `axis`. */
function sized(where: string, x: Tensor, n: number | undefined, axis: number): Tensor {
  const have = x.shape[axis]!;
  if (n === undefined || n === have) return x;
  if (!Number.isInteger(n) || n < 1) throw new CambiumError("value", where, `n is a whole number from 1, got ${n}`);
  const none = x.shape.map(() => 0);
  return x.pad(none, none.with(axis, n - have));
}

/** What a transform of length n is multiplied with. */
function scale(where: string, n: number, inverse: boolean, norm: string): number {
  if (norm !== "backward" && norm !== "ortho" && norm !== "forward")
    throw new CambiumError("name", where, `there is no norm "${norm}"; it is "backward", "ortho" or "forward"`);
  if (norm === "ortho") return 1 / Math.sqrt(n);
  return inverse === (norm === "backward") ? 1 / n : 1;
}

function transform(where: string, x: Tensor, inverse: boolean, { n, axis = -1, norm = "backward" }: TransformOptions): Tensor {
  checkComplex(where, x);
  const along = resolveAxis(where, axis, x.rank - 1);
  const cut = sized(where, floats(x), n, along);
  const factor = scale(where, cut.shape[along]!, inverse, norm);
  const made = new Tensor(ops.dft(cut.node, along, inverse));
  return factor === 1 ? made : made.mul(factor);
}

/** A complex tensor from a real part and an imaginary one, zeros when left out. @shape [...] → [..., 2] */
export const complex = (re: Tensor, im: Tensor = zerosLike(re)): Tensor => stack([re, im], -1);

/** The real parts. @shape [..., 2] → [...] */
export const real = (x: Tensor): Tensor => part("fft.real", x, 0);

/** The imaginary parts. @shape [..., 2] → [...] */
export const imag = (x: Tensor): Tensor => part("fft.imag", x, 1);

/** The sizes of complex numbers. @shape [..., 2] → [...] */
export const magnitude = (x: Tensor): Tensor => x.norm(-1);

/** The angles of complex numbers. @shape [..., 2] → [...] */
export const angle = (x: Tensor): Tensor => imag(x).atan2(real(x));

/** The complex conjugates. @shape [..., 2] → the same */
export const conj = (x: Tensor): Tensor => complex(real(x), imag(x).neg());

/** The products of complex numbers. @shape [..., 2], [..., 2] → [..., 2] */
export const multiply = (a: Tensor, b: Tensor): Tensor => {
  const [p, q, r, s] = [real(a), imag(a), real(b), imag(b)];
  return complex(p.mul(r).sub(q.mul(s)), p.mul(s).add(q.mul(r)));
};

function checkComplex(where: string, x: Tensor): void {
  if (x.rank === 0 || x.shape.at(-1) !== 2)
    throw new CambiumError(
      "shape",
      where,
      `the input is ${show(x.shape)}; complex numbers have a last axis of size 2`,
      "rfft takes real numbers; fft.complex(re, im) puts parts together",
    );
}

function part(where: string, x: Tensor, i: number): Tensor {
  checkComplex(where, x);
  const lead = x.shape.slice(0, -1);
  return x.slice([...lead.map(() => 0), i], [...lead, i + 1]).squeeze(-1);
}

/** The discrete Fourier transform of complex numbers. @shape [..., n, 2] → the same */
export const fft = (x: Tensor, options: TransformOptions = {}): Tensor => transform("fft.fft", x, false, options);

/** The inverse of `fft`. @shape [..., n, 2] → the same */
export const ifft = (x: Tensor, options: TransformOptions = {}): Tensor => transform("fft.ifft", x, true, options);

/** The discrete Fourier transform of real numbers; the half that says all. @shape [..., n] → [..., ⌊n / 2⌋ + 1, 2] */
export function rfft(x: Tensor, { n, axis = -1, norm }: TransformOptions = {}): Tensor {
  const along = resolveAxis("fft.rfft", axis, x.rank);
  const full = transform("fft.rfft", complex(sized("fft.rfft", floats(x), n, along)), false, { axis: along, ...(norm && { norm }) });
  return full.slice(
    full.shape.map(() => 0),
    [...full.shape].with(along, Math.floor(full.shape[along]! / 2) + 1),
  );
}

/** The inverse of `rfft`: `n` real numbers, twice as many as there are frequencies less 2 unless given. @shape [..., m, 2] → [..., n] */
export function irfft(x: Tensor, { n, axis = -1, norm }: TransformOptions = {}): Tensor {
  checkComplex("fft.irfft", x);
  const along = resolveAxis("fft.irfft", axis, x.rank - 1);
  const length = n ?? 2 * (x.shape[along]! - 1);
  if (!Number.isInteger(length) || length < 1) throw new CambiumError("value", "fft.irfft", `n is a whole number from 1, got ${length}`);
  const half = sized("fft.irfft", floats(x), Math.floor(length / 2) + 1, along);
  const rest = length - half.shape[along]!;
  const none = half.shape.map(() => 0);
  const mirror = conj(half.slice(none.with(along, 1), [...half.shape].with(along, rest + 1)).flip(along));
  const full = rest > 0 ? concat([half, mirror], along) : half;
  return real(transform("fft.irfft", full, true, { axis: along, ...(norm && { norm }) }));
}

/** `fft` over two axes. @shape [..., m, n, 2] → the same */
export const fft2 = (x: Tensor, { axes = [-2, -1], ...options }: PlaneOptions = {}): Tensor =>
  fft(fft(x, { ...options, axis: axes[1] }), { ...options, axis: axes[0] });

/** The inverse of `fft2`. @shape [..., m, n, 2] → the same */
export const ifft2 = (x: Tensor, { axes = [-2, -1], ...options }: PlaneOptions = {}): Tensor =>
  ifft(ifft(x, { ...options, axis: axes[0] }), { ...options, axis: axes[1] });

/** `rfft` over the last axis and `fft` over the one before. @shape [..., m, n] → [..., m, ⌊n / 2⌋ + 1, 2] */
export const rfft2 = (x: Tensor, options: Omit<PlaneOptions, "axes"> = {}): Tensor => fft(rfft(x, options), { ...options, axis: -2 });

/** The inverse of `rfft2`. @shape [..., m, k, 2] → [..., m, n] */
export const irfft2 = (x: Tensor, { n, ...options }: Omit<PlaneOptions, "axes"> & { readonly n?: number } = {}): Tensor =>
  irfft(ifft(x, { ...options, axis: -2 }), { ...options, ...(n !== undefined && { n }) });

export interface SpaceOptions extends Omit<TransformOptions, "n" | "axis"> {
  /** Default: all; counted without that of the parts. */
  readonly axes?: readonly number[];
  /** How long each of the axes is made first. */
  readonly s?: readonly number[];
}

/** A transform along several axes, one after the other. */
function along(where: string, x: Tensor, rank: number, { axes, s, norm }: SpaceOptions, one: (x: Tensor, options: TransformOptions) => Tensor): Tensor {
  const over = axes ?? Array.from({ length: s?.length ?? rank }, (_, i) => rank - (s?.length ?? rank) + i);
  if (s && s.length !== over.length) throw new CambiumError("value", where, `${s.length} sizes are given for ${over.length} axes; give one for each`);
  return over.reduce((y, axis, i) => one(y, { axis: resolveAxis(where, axis, rank), ...(s && { n: s[i]! }), ...(norm && { norm }) }), x);
}

/** `fft` over several axes. @shape [..., 2] → the same, or of sizes `s` @source NumPy's `fftn` */
export const fftn = (x: Tensor, options: SpaceOptions = {}): Tensor => along("fft.fftn", x, x.rank - 1, options, fft);

/** The inverse of `fftn`. @source NumPy's `ifftn` */
export const ifftn = (x: Tensor, options: SpaceOptions = {}): Tensor => along("fft.ifftn", x, x.rank - 1, options, ifft);

/** `rfft` over the last of several axes and `fft` over the others. @shape [..., n] → [..., ⌊n / 2⌋ + 1, 2] @source NumPy's `rfftn` */
export function rfftn(x: Tensor, { axes = x.shape.map((_, i) => i), s, norm }: SpaceOptions = {}): Tensor {
  const over = s && axes.length !== s.length ? axes.slice(-s.length) : axes;
  const places = over.map((axis) => resolveAxis("fft.rfftn", axis, x.rank));
  const half = rfft(x, { axis: places.at(-1)!, ...(s && { n: s.at(-1)! }), ...(norm && { norm }) });
  return along("fft.rfftn", half, x.rank, { axes: places.slice(0, -1), ...(s && { s: s.slice(0, -1) }), ...(norm && { norm }) }, fft);
}

/** The inverse of `rfftn`; say with `s` whether the last size was odd. @source NumPy's `irfftn` */
export function irfftn(x: Tensor, { axes = x.shape.slice(1).map((_, i) => i), s, norm }: SpaceOptions = {}): Tensor {
  const over = s && axes.length !== s.length ? axes.slice(-s.length) : axes;
  const places = over.map((axis) => resolveAxis("fft.irfftn", axis, x.rank - 1));
  const back = along("fft.irfftn", x, x.rank - 1, { axes: places.slice(0, -1), ...(s && { s: s.slice(0, -1) }), ...(norm && { norm }) }, ifft);
  return irfft(back, { axis: places.at(-1)!, ...(s && { n: s.at(-1)! }), ...(norm && { norm }) });
}

/** The real numbers whose spectrum's conjugate mirror half this is: `irfft` of the conjugate, divided the other way. @source NumPy's `hfft` */
export const hfft = (x: Tensor, { norm = "backward", ...options }: TransformOptions = {}): Tensor => irfft(conj(x), { ...options, norm: opposite(norm) });

/** The inverse of `hfft`. @source NumPy's `ihfft` */
export const ihfft = (x: Tensor, { norm = "backward", ...options }: TransformOptions = {}): Tensor => conj(rfft(x, { ...options, norm: opposite(norm) }));

const opposite = (norm: NonNullable<TransformOptions["norm"]>): NonNullable<TransformOptions["norm"]> =>
  norm === "backward" ? "forward" : norm === "forward" ? "backward" : norm;

/** The frequencies of `fft`'s results, `d` the time between samples. @shape → [n] */
export const fftFreq = (n: number, d = 1): Tensor => fromArray(Float32Array.from({ length: n }, (_, i) => (i < Math.ceil(n / 2) ? i : i - n) / (n * d)));

/** The frequencies of `rfft`'s results. @shape → [⌊n / 2⌋ + 1] */
export const rfftFreq = (n: number, d = 1): Tensor => fromArray(Float32Array.from({ length: Math.floor(n / 2) + 1 }, (_, i) => i / (n * d)));

const shifted = (x: Tensor, axes: readonly number[] | undefined, by: (n: number) => number): Tensor => {
  const along = (axes ?? x.shape.map((_, i) => i)).map((axis) => resolveAxis("fft.fftShift", axis, x.rank));
  return x.roll(
    along.map((axis) => by(x.shape[axis]!)),
    along,
  );
};

/** Frequency 0 moved to the middle of `axes`; of complex tensors leave out the last axis. @source NumPy's `fftshift` */
export const fftShift = (x: Tensor, axes?: readonly number[]): Tensor => shifted(x, axes, (n) => Math.floor(n / 2));

/** The inverse of `fftShift`. */
export const ifftShift = (x: Tensor, axes?: readonly number[]): Tensor => shifted(x, axes, (n) => -Math.floor(n / 2));

/** A window made of cosines; periodic, as spectra want it, unless `symmetric`. */
const cosines =
  (...weights: number[]) =>
  (n: number, { symmetric = false }: { readonly symmetric?: boolean } = {}): Tensor => {
    const turn = (2 * Math.PI) / Math.max(symmetric ? n - 1 : n, 1);
    return fromArray(Float32Array.from({ length: n }, (_, i) => (n === 1 ? 1 : weights.reduce((sum, w, k) => sum + w * Math.cos(k * turn * i), 0))));
  };

type Window = (n: number, options?: { readonly symmetric?: boolean }) => Tensor;

/** Hann's window. @source PyTorch's `hann_window` */
export const hann: Window = cosines(0.5, -0.5);

/** Hamming's window. @source PyTorch's `hamming_window` */
export const hamming: Window = cosines(0.54, -0.46);

/** Blackman's window. @source PyTorch's `blackman_window` */
export const blackman: Window = cosines(0.42, -0.5, 0.08);

export interface SpectrumOptions {
  /** Samples from one frame to the next. Default: a quarter of `nFft`. */
  readonly hop?: number;
  /** What each frame is multiplied with, [nFft]. Default: ones. */
  readonly window?: Tensor;
  /** Whether frames are centred on their time, the signal mirrored at its ends. Default `true`. */
  readonly center?: boolean;
}

/**
 * The spectra of overlapping frames of a signal.
 * @shape [..., time] → [..., ⌊nFft / 2⌋ + 1, frames, 2]
 * @source PyTorch's `stft`
 */
export function stft(x: Tensor, nFft: number, { hop = Math.floor(nFft / 4), window, center = true }: SpectrumOptions = {}): Tensor {
  const around = x.shape.map((_, i) => (i === x.rank - 1 && center ? Math.floor(nFft / 2) : 0));
  const frames = floats(x).padBorder(around, around, "reflect").slidingWindow(nFft, hop);
  return rfft(window ? frames.mul(window) : frames).moveAxis(-3, -2);
}

/**
 * The signal whose `stft` this is, as near as can be: frames added up, divided by what the windows' squares add up to.
 * @shape [..., ⌊nFft / 2⌋ + 1, frames, 2] → [..., time]
 * @source PyTorch's `istft`
 */
export function istft(spectra: Tensor, nFft: number, { hop = Math.floor(nFft / 4), window, center = true }: SpectrumOptions = {}): Tensor {
  const frames = irfft(spectra.moveAxis(-3, -2), { n: nFft });
  const count = frames.shape.at(-2)!;
  const places = new Tensor(ops.add(ops.mul(range([count, 1], 0), hop), range([nFft])));
  const time = (count - 1) * hop + nFft;
  const added = (parts: Tensor): Tensor => new Tensor(ops.scatterAdd(parts.node, places.node, time, parts.rank - 2));
  const weight = added((window ? window.square() : ones([nFft], { dtype: frames.dtype })).broadcast([count, nFft]));
  const whole = added(window ? frames.mul(window) : frames).div(weight.maximum(1e-11));
  const edge = center ? Math.floor(nFft / 2) : 0;
  const lead: Shape = whole.shape.slice(0, -1);
  return whole.slice([...lead.map(() => 0), edge], [...lead, time - edge]);
}

/** Hertz to mel and back. @source O'Shaughnessy, "Speech communication" (1987), as HTK and torchaudio have it */
const toMel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const toHertz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/**
 * Triangles over the frequencies of a spectrum, evenly spaced in mel: multiply a power spectrum with it from the right.
 * @shape → [⌊nFft / 2⌋ + 1, count]
 * @source torchaudio's `melscale_fbanks` with its defaults
 */
export function melFilters(
  count: number,
  nFft: number,
  sampleRate: number,
  { low = 0, high = sampleRate / 2 }: { readonly low?: number; readonly high?: number } = {},
): Tensor {
  const rows = Math.floor(nFft / 2) + 1;
  const corners = Array.from({ length: count + 2 }, (_, i) => toHertz(toMel(low) + ((toMel(high) - toMel(low)) * i) / (count + 1)));
  const filters = new Float32Array(rows * count);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < count; c++) {
      const hertz = ((sampleRate / 2) * r) / (rows - 1);
      const [a, b, d] = corners.slice(c, c + 3) as [number, number, number];
      filters[r * count + c] = Math.max(0, Math.min((hertz - a) / (b - a), (d - hertz) / (d - b)));
    }
  return fromArray(filters, [rows, count]);
}
