/** Layers that make spectra of signals. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { convolve } from "../nn/convolution.ts";
import { type STFTOptions, stft as kernels, type WindowName, windowOf } from "../nn/initializers.ts";
import { expectCount } from "../nn/input.ts";
import { concat, fromArray } from "../tensor/create.ts";
import { imag, real, stft } from "../tensor/fft.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions, mismatch } from "./layer.ts";
import { checkPadding, orderOf, type SpatialOptions } from "./spatial.ts";

const modes = ["log", "magnitude", "psd", "real", "imag", "angle", "stft"] as const;

export interface STFTSpectrogramOptions extends SpatialOptions, Omit<STFTOptions, "side"> {
  /** What comes out of a spectrum: `"stft"` is real and imaginary parts side by side, `"psd"` the one-sided power. Default `"log"`, of the magnitude. */
  mode?: (typeof modes)[number];
  /** Samples a frame. Default 256. */
  frameLength?: number;
  /** Samples from one frame to the next. Default: half a frame. */
  frameStep?: number;
  /** Default: the power of two from `frameLength` on. */
  fftLength?: number;
  /** Whether frames reach over the ends, with zeros. Default `"valid"`: they do not. */
  padding?: "valid" | "same";
  /** Whether frequencies have an axis of their own, in front of the channels. Default `false`. */
  expandDims?: boolean;
}

/** Spectra of frames of a signal, by kernels that may be learnt on. */
export class STFTSpectrogram extends Layer {
  /** [frameLength, 1, frequencies] */
  realKernel: Tensor | undefined = undefined;
  /** [frameLength, 1, frequencies] */
  imagKernel: Tensor | undefined = undefined;
  readonly #options: STFTSpectrogramOptions;
  readonly #first: boolean;

  constructor(options: STFTSpectrogramOptions = {}) {
    super("STFTSpectrogram", options);
    const { mode = "log", frameLength = 256, frameStep, fftLength, padding = "valid", window = "hann", scaling = "density" } = options;
    expectCount(this.name, "frameLength", frameLength);
    if (!modes.includes(mode)) throw unknownName(this.name, "mode", String(mode), modes);
    if (frameStep !== undefined && !(Number.isInteger(frameStep) && frameStep >= 1 && frameStep <= frameLength))
      throw new CambiumError("value", this.name, `frameStep is ${frameStep}; it is a whole number from 1 to frameLength, ${frameLength}`);
    if (fftLength !== undefined && !(fftLength >= frameLength))
      throw new CambiumError("value", this.name, `fftLength is ${fftLength}; it is at least frameLength, ${frameLength}`);
    if (scaling !== null && scaling !== "density" && scaling !== "spectrum") throw unknownName(this.name, "scaling", String(scaling), ["density", "spectrum"]);
    checkPadding(this.name, padding);
    if (window !== null) windowOf(this.name, window, frameLength, false);
    this.#options = options;
    this.#first = orderOf(this.name, options.dataFormat) === "channelsFirst";
  }

  protected override check(input: Shape): void {
    if (input.length !== 2) throw mismatch(this.name, this.#first ? [1, input[0] ?? 1] : [input[0] ?? 1, 1], [1, ...input]);
  }

  protected override make(): void {
    const {
      frameLength = 256,
      fftLength = 2 ** Math.ceil(Math.log2(frameLength)),
      mode = "log",
      window = "hann",
      scaling = "density",
      periodic = false,
    } = this.#options;
    const shape = [frameLength, 1, Math.floor(fftLength / 2) + 1];
    const made = (side: "real" | "imag"): Tensor => this.weight(shape, { initializer: kernels({ side, window, scaling, periodic }) });
    if (mode !== "imag") this.realKernel = made("real");
    if (mode !== "real") this.imagKernel = made("imag");
  }

  protected override call(x: Tensor): Tensor {
    const { frameLength = 256, frameStep = Math.max(Math.floor(frameLength / 2), 1), padding = "valid", mode = "log" } = this.#options;
    const signals = this.#first ? x : x.transpose(1, 2);
    const [batch, channels, time] = signals.shape as [number, number, number];
    const flat = signals.reshape([batch * channels, time, 1]);
    /** [batch, channels, frames, frequencies] */
    const under = (kernel: Tensor): Tensor => {
      const y = convolve(flat, kernel, undefined, { stride: frameStep, padding });
      return y.reshape([batch, channels, ...y.shape.slice(1)]);
    };
    if (mode === "real") return this.#laid(under(this.realKernel!));
    if (mode === "imag") return this.#laid(under(this.imagKernel!));
    const [a, b] = [under(this.realKernel!), under(this.imagKernel!)];
    if (mode === "angle") return this.#laid(b.atan2(a));
    if (mode === "stft") return this.#laid(concat([a, b], 3));
    const power = a.square().add(b.square());
    // What stands for a frequency and its negative counts twice: all but the first and the last.
    if (mode === "psd") return this.#laid(power.add(power.slice([0, 0, 0, 1], [undefined, undefined, undefined, -1]).pad([0, 0, 0, 1], [0, 0, 0, 1], 0)));
    const size = this.#laid(power.maximum(1e-7).sqrt());
    return mode === "magnitude" ? size : size.maximum(1e-7).log();
  }

  #laid(y: Tensor): Tensor {
    const [batch, channels, frames, bands] = y.shape as [number, number, number, number];
    if (this.#options.expandDims) return this.#first ? y : y.permute([0, 2, 3, 1]);
    return this.#first ? y.transpose(2, 3).reshape([batch, channels * bands, frames]) : y.permute([0, 2, 1, 3]).reshape([batch, frames, channels * bands]);
  }
}

/**
 * Spectra of frames of a signal, made by kernels that begin as a short-time Fourier transform and may be learnt on.
 * @shape `[batch, time, channels]` → `[batch, frames, channels · frequencies]`, or `[batch, frames, frequencies, channels]` with `expandDims`
 * @source Keras `STFTSpectrogram`
 */
export const stftSpectrogram = (options?: STFTSpectrogramOptions): STFTSpectrogram => new STFTSpectrogram(options);

export interface MelSpectrogramOptions extends LayerOptions {
  /** Default 2048. */
  fftLength?: number;
  /** Samples from one frame to the next. Default 512. */
  sequenceStride?: number;
  /** Samples a frame. Default: `fftLength`. */
  sequenceLength?: number;
  /** Default `"hann"`. */
  window?: WindowName;
  /** Samples a second. Default 16000. */
  samplingRate?: number;
  /** How many bands come out. Default 128. */
  numMelBins?: number;
  /** In Hertz. Default 20. */
  minFreq?: number;
  /** In Hertz. Default: half the sampling rate. */
  maxFreq?: number;
  /** Whether powers come out in decibels. Default `true`. */
  powerToDb?: boolean;
  /** How many decibels below the loudest of a batch everything has at least. Default 80. */
  topDb?: number;
  /** What magnitudes are raised to. Default 2. */
  magExp?: number;
  /** The least power that counts. Default 1e-10. */
  minPower?: number;
  /** The power of 0 decibels. Default 1. */
  refPower?: number;
}

const toMel = (hertz: number): number => 1127 * Math.log(1 + hertz / 700);

/** Triangles over frequencies, straight in mel, `[frequencies, bands]`. @source Keras, which has them of TensorFlow */
function triangles(bands: number, frequencies: number, rate: number, low: number, high: number): Tensor {
  const edges = Array.from({ length: bands + 2 }, (_, i) => toMel(low) + ((toMel(high) - toMel(low)) * i) / (bands + 1));
  const out = new Float32Array(frequencies * bands);
  // A constant has no pitch, so frequency 0 is left out.
  for (let r = 1; r < frequencies; r++) {
    const mel = toMel(((rate / 2) * r) / (frequencies - 1));
    for (let c = 0; c < bands; c++) {
      const [a, b, d] = edges.slice(c, c + 3) as [number, number, number];
      out[r * bands + c] = Math.max(0, Math.min((mel - a) / (b - a), (d - mel) / (d - b)));
    }
  }
  return fromArray(out, [frequencies, bands]);
}

/** Loudness in bands as wide as the ear has them. */
export class MelSpectrogram extends Layer {
  readonly #options: MelSpectrogramOptions;

  constructor(options: MelSpectrogramOptions = {}) {
    super("MelSpectrogram", options);
    const { fftLength = 2048, sequenceStride = 512, sequenceLength = fftLength, numMelBins = 128, samplingRate = 16000, window = "hann" } = options;
    for (const [name, count] of Object.entries({ fftLength, sequenceStride, sequenceLength, numMelBins, samplingRate })) expectCount(this.name, name, count);
    if (fftLength < sequenceLength) throw new CambiumError("value", this.name, `fftLength is ${fftLength}; it is at least sequenceLength, ${sequenceLength}`);
    windowOf(this.name, window, sequenceLength, true);
    this.#options = options;
  }

  protected override check(input: Shape): void {
    if (input.length !== 1) throw new CambiumError("shape", this.name, `expects samples of [time], got ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    const { fftLength = 2048, sequenceStride = 512, sequenceLength = fftLength, window = "hann", samplingRate = 16000, numMelBins = 128 } = this.#options;
    const { minFreq = 20, maxFreq = Math.floor(samplingRate / 2), powerToDb = true, topDb = 80, magExp = 2, minPower = 1e-10, refPower = 1 } = this.#options;
    const front = Math.floor((fftLength - sequenceLength) / 2);
    const frame = windowOf(this.name, window, sequenceLength, true).pad([front], [fftLength - sequenceLength - front], 0);
    const spectra = stft(x, fftLength, { hop: sequenceStride, window: frame });
    const power = real(spectra).square().add(imag(spectra).square());
    const filters = triangles(numMelBins, power.shape[1]!, samplingRate, minFreq, maxFreq);
    const bands = filters.transpose().matmul(magExp === 2 ? power : power.pow(magExp / 2));
    if (!powerToDb) return bands;
    const decibels = (power: Tensor): Tensor =>
      power
        .maximum(minPower)
        .log()
        .mul(10 / Math.LN10);
    const loud = decibels(bands).sub(10 * Math.log10(Math.max(Math.abs(refPower), minPower)));
    return loud.maximum(loud.max().sub(topDb));
  }
}

/**
 * Loudness of signals in bands as wide as the ear has them, in decibels.
 * @shape `[batch, time]` → `[batch, numMelBins, frames]`
 * @source Keras `MelSpectrogram`; windows are periodic, also those of odd lengths, which TensorFlow alone makes symmetric
 */
export const melSpectrogram = (options?: MelSpectrogramOptions): MelSpectrogram => new MelSpectrogram(options);
