import v8 from "node:v8";
import { describe, expect, it } from "vitest";
import type { Geometry } from "../src/compiler/program.ts";
import { ModuleBuilder } from "../src/engines/wasm/assembler.ts";
import { axesOf } from "../src/engines/wasm/axis.ts";
import { conv, convScratch } from "../src/engines/wasm/conv.ts";
import { convKernel } from "../src/engines/wasm/convkernel.ts";
import type { Finish } from "../src/engines/wasm/operands.ts";

// Node 20 has it, but not switched on.
v8.setFlagsFromString("--experimental-wasm-relaxed-simd");

const memory = new WebAssembly.Memory({ initial: 400, maximum: 400 });
const limits = { shared: false, least: 1, most: 65536 };
const [xAt, wAt, yAt, scratchAt] = [1 << 16, 6 << 20, 11 << 20, 16 << 20];
const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

const fill = (at: number, length: number): Float32Array => {
  const x = new Float32Array(memory.buffer, at, length);
  for (let i = 0; i < length; i++) x[i] = ((i * 7919) % 13) - 6;
  return x;
};

interface Case extends Geometry {
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
}

type Setting = { stride?: number[]; dilation?: number[]; spread?: number[]; low?: number[]; high?: number[]; groups?: number };

/** A convolution by its input, its kernel and its channels. */
function geometry(samples: number, input: number[], window: number[], channels: number, filters: number, s: Setting = {}): Case {
  const of = (list: number[] | undefined, without: number): number[] => list ?? input.map(() => without);
  const [stride, dilation, spread, low, high] = [of(s.stride, 1), of(s.dilation, 1), of(s.spread, 1), of(s.low, 0), of(s.high, 0)];
  const output = input.map((n, i) => Math.floor(((n - 1) * spread[i]! + 1 + low[i]! + high[i]! - (window[i]! - 1) * dilation[i]! - 1) / stride[i]!) + 1);
  return { samples, input, output, window, stride, dilation, inputDilation: spread, padding: low, channels, filters, groups: s.groups ?? 1 };
}

/** Visits output, tap and input positions, each flat. */
function meetings(g: Case, visit: (o: number, k: number, i: number) => void): void {
  const [d, h, w] = axesOf(g);
  const source = (a: typeof d, o: number, k: number): number => {
    const at = (o * a.stride + k * a.dilation - a.padding) / a.inputDilation;
    return Number.isInteger(at) && at >= 0 && at < a.input ? at : -1;
  };
  for (let od = 0; od < d.output; od++)
    for (let oh = 0; oh < h.output; oh++)
      for (let ow = 0; ow < w.output; ow++)
        for (let kd = 0; kd < d.window; kd++)
          for (let kh = 0; kh < h.window; kh++)
            for (let kw = 0; kw < w.window; kw++) {
              const [id, ih, iw] = [source(d, od, kd), source(h, oh, kh), source(w, ow, kw)];
              if (id < 0 || ih < 0 || iw < 0) continue;
              visit((od * h.output + oh) * w.output + ow, (kd * h.window + kh) * w.window + kw, (id * h.input + ih) * w.input + iw);
            }
}

const instance = (module: ModuleBuilder): { run: (from: number, to: number) => void } =>
  new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { memory: { memory } }).exports as never;

/** Adds the results to what is at their place, so that one made twice shows. */
const adds =
  (filters: number): Finish =>
  (f, { row, rows, col, cols, at, stride }) => {
    const [r, c, from, to] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
    f.count(r, f.integer(0), rows, 1, () =>
      f.count(c, f.integer(0), cols, 1, () => {
        f.set(from, f.i32.add(f.get(at), f.i32.add(f.i32.mul(f.get(r), f.integer(stride)), f.i32.mul(f.get(c), f.integer(4)))));
        const place = f.i32.add(f.i32.mul(f.i32.add(f.get(row), f.get(r)), f.integer(filters)), f.i32.add(f.get(col), f.get(c)));
        f.set(to, f.plus(f.i32.mul(place, f.integer(4)), yAt));
        f.f32.store(f.get(to), f.f32.add(f.f32.load(f.get(from)), f.f32.load(f.get(to))));
      }),
    );
  };

/** How far convolution and kernel gradient are from plain loops. */
function check(g: Case, relaxed: boolean): [number, number] {
  const { samples, channels, filters, groups } = g;
  const [inputs, outputs, taps] = [product(g.input), product(g.output), product(g.window)];
  const [per, mine] = [channels / groups, filters / groups];
  const spec = { axes: axesOf(g), channels, filters, groups };
  const x = fill(xAt, samples * inputs * channels);
  const w = fill(wAt, taps * per * filters);
  const results: [number, number] = [0, 0];
  {
    const module = new ModuleBuilder(limits, relaxed);
    const inner = conv(module, { ...spec, finish: adds(filters) });
    module.define("run", ["i32", "i32"], undefined, (f, from, to) => {
      f.call(inner, f.integer(0), f.integer(xAt), f.integer(wAt), f.integer(scratchAt), f.get(from), f.get(to));
    });
    const guard = new Uint8Array(memory.buffer, scratchAt + convScratch(module, { ...spec, finish: adds(filters) }), 256).fill(99);
    const y = new Float32Array(memory.buffer, yAt, samples * outputs * filters + 8).fill(0);
    const { run } = instance(module);
    run(0, 1);
    run(1, samples);
    const wanted = new Float64Array(y.length);
    for (let s = 0; s < samples; s++)
      meetings(g, (o, k, i) => {
        for (let f = 0; f < filters; f++)
          for (let c = 0; c < per; c++)
            wanted[(s * outputs + o) * filters + f]! += x[(s * inputs + i) * channels + Math.floor(f / mine) * per + c]! * w[(k * per + c) * filters + f]!;
      });
    wanted.forEach((v, i) => (results[0] = Math.max(results[0], Math.abs(v - y[i]!))));
    for (const b of guard) results[0] += Math.abs(b - 99);
  }
  {
    const module = new ModuleBuilder(limits, relaxed);
    const inner = convKernel(module, spec);
    module.define("run", ["i32", "i32"], undefined, (f, from, to) => {
      f.call(inner, f.integer(xAt), f.integer(yAt), f.integer(wAt), f.get(from), f.get(to));
    });
    const dy = fill(yAt, samples * outputs * filters);
    const out = new Float32Array(memory.buffer, wAt, taps * per * filters + 8).fill(1);
    const { run } = instance(module);
    run(0, 1);
    run(1, samples);
    const wanted = new Float64Array(out.length).fill(1);
    for (let s = 0; s < samples; s++)
      meetings(g, (o, k, i) => {
        for (let f = 0; f < filters; f++)
          for (let c = 0; c < per; c++)
            wanted[(k * per + c) * filters + f]! += x[(s * inputs + i) * channels + Math.floor(f / mine) * per + c]! * dy[(s * outputs + o) * filters + f]!;
      });
    wanted.forEach((v, i) => (results[1] = Math.max(results[1], Math.abs(v - out[i]!))));
  }
  return results;
}

const cases: Record<string, Case> = {
  "one channel, 3 × 3": geometry(2, [12, 13], [3, 3], 1, 5),
  "3 × 3 of 5 channels": geometry(3, [7, 13], [3, 3], 5, 12),
  "whole strips": geometry(2, [8, 9], [3, 3], 8, 16),
  padding: geometry(2, [5, 7], [3, 3], 6, 9, { low: [1, 1], high: [1, 1] }),
  "few channels with wide padding": geometry(2, [9, 9], [5, 5], 3, 7, { low: [2, 2], high: [2, 2] }),
  "padding that reaches beyond the image": geometry(2, [3, 2], [4, 4], 2, 3, { low: [3, 3], high: [3, 3] }),
  cropping: geometry(2, [9, 9], [3, 3], 3, 4, { low: [-1, -2], high: [-2, -1] }),
  stride: geometry(2, [11, 14], [3, 3], 4, 6, { stride: [2, 3], low: [1, 1], high: [1, 1] }),
  dilation: geometry(2, [11, 13], [3, 2], 4, 6, { dilation: [2, 3], low: [2, 1], high: [2, 1] }),
  "an input spread out": geometry(2, [4, 5], [3, 3], 4, 6, { spread: [2, 2], low: [2, 2], high: [2, 3] }),
  "an input spread out, with stride and dilation": geometry(2, [5, 7], [3, 2], 3, 9, { spread: [3, 2], stride: [2, 3], dilation: [1, 3], low: [2, 3], high: [1, 2] }),
  groups: geometry(2, [6, 7], [3, 3], 6, 9, { groups: 3, low: [1, 1], high: [1, 1] }),
  "groups of one filter": geometry(2, [5, 5], [2, 2], 6, 3, { groups: 3 }),
  depthwise: geometry(2, [6, 9], [3, 3], 13, 13, { groups: 13, low: [1, 1], high: [1, 1] }),
  "depthwise of many channels, with stride": geometry(2, [7, 9], [3, 3], 40, 40, { groups: 40, stride: [2, 2], low: [1, 1], high: [1, 1] }),
  "one axis": geometry(2, [19], [5], 7, 10, { low: [4], high: [0] }),
  "three axes": geometry(2, [4, 5, 6], [2, 3, 2], 3, 5, { low: [1, 1, 0], high: [0, 1, 1], stride: [1, 2, 1] }),
  "one pixel a tap": geometry(3, [4, 4], [1, 1], 9, 17),
  "a tiny image": geometry(4, [2, 2], [2, 2], 12, 40),
  "more filters than are made together": geometry(2, [3, 4], [2, 2], 3, 300),
  "deep weights, in chunks": geometry(2, [4, 4], [3, 3], 128, 90, { low: [1, 1], high: [1, 1] }),
  "a wide row": geometry(1, [3, 150], [3, 3], 3, 20, { low: [1, 1], high: [1, 1] }),
};

describe.each([false, true])("a convolution of WebAssembly, rounded %s at once,", (relaxed) => {
  it.each(Object.keys(cases))("equals plain loops, with its kernel's gradient: %s", (name) => {
    // Sums are small whole numbers, which floats hold.
    expect(check(cases[name]!, relaxed)).toEqual([0, 0]);
  });
});
