import { CambiumError } from "../base/error.ts";
import { Stream } from "../base/random.ts";
import { Canvas } from "./canvas.ts";
import { type Glyph, glyphs } from "./glyph.ts";
import type { ImageSet, ImageSplit } from "./mnist.ts";

/** How many digits are drawn, and which: the first n of a seed are the same however many follow. */
export interface DigitsOptions {
  /** Digits to learn from; 12,000. */
  train?: number;
  /** Digits to be examined on; 2,000. */
  test?: number;
  /** The same seed draws the same digits; 0. */
  seed?: number;
}

const side = 28;

/**
 * Digits 0 to 9 in many hands, drawn from strokes with seeded distortions: data like MNIST that needs no file.
 * @throws a `value` error when a count is not a whole number from 0, or the seed no whole number
 */
export function drawDigits(options: DigitsOptions = {}): ImageSplit {
  const { train = 12_000, test = 2_000, seed = 0 } = options;
  for (const [name, count] of Object.entries({ train, test }))
    if (!Number.isInteger(count) || count < 0 || count > 2 ** 31)
      throw new CambiumError("value", "digits", `${name} is ${count}; a number of images is a whole number from 0 to 2^31`);
  return { train: draw(seed, 0, train), test: draw(seed, 2 ** 31, test) };
}

/** Each image has a stream of its own, so that it does not depend on its neighbours. */
function draw(seed: number, first: number, count: number): ImageSet {
  const images = new Uint8Array(count * side * side);
  const labels = new Uint8Array(count);
  const canvas = new Canvas(side);
  for (let i = 0; i < count; i++) {
    const random = new Stream(seed, first + i);
    const digit = random.below(10);
    const ways = glyphs[digit]!;
    canvas.clear();
    writeGlyph(canvas, ways[random.below(ways.length)]!, random);
    clutter(canvas, random);
    develop(canvas, random, images.subarray(i * side * side, (i + 1) * side * side));
    labels[i] = digit;
  }
  return {
    images: { data: images, shape: [count, side, side], dtype: "uint8" },
    labels: { data: labels, shape: [count], dtype: "uint8" },
  };
}

type Map2d = (x: number, y: number) => readonly [number, number];

/** Where this hand puts a point of the grid: size, slant and turn, then a slow warp of the paper. */
function hand(random: Stream): Map2d {
  const tall = between(random, 16, 21);
  const wide = tall * between(random, 0.55, 0.95);
  const slant = 0.19 * random.normal();
  const turn = 0.11 * random.normal();
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const middle = (side - 1) / 2;
  const [shiftX, shiftY] = [1.1 * random.normal(), random.normal()];
  const waves = Array.from({ length: 2 }, () => ({
    x: between(random, -0.25, 0.25),
    y: between(random, -0.25, 0.25),
    phase: 2 * Math.PI * random.uniform(),
    pushX: 0.6 * random.normal(),
    pushY: 0.6 * random.normal(),
  }));
  return (gridX, gridY) => {
    const y0 = (gridY / 100 - 0.5) * tall;
    const x0 = (gridX / 100 - 0.5) * wide - slant * y0;
    let x = middle + shiftX + cos * x0 - sin * y0;
    let y = middle + shiftY + sin * x0 + cos * y0;
    for (const wave of waves) {
      const height = Math.sin(wave.x * x + wave.y * y + wave.phase);
      x += wave.pushX * height;
      y += wave.pushY * height;
    }
    return [x, y];
  };
}

function writeGlyph(canvas: Canvas, glyph: Glyph, random: Stream): void {
  const place = hand(random);
  const wobble = between(random, 1, 4.5);
  const points = glyph.points.map(([x, y]) => place(x + wobble * random.normal(), y + wobble * random.normal()));
  const radius = between(random, 0.75, 1.75);
  const soft = between(random, 0.9, 1.6);
  const ink = between(random, 0.8, 1.15);
  const pressure = between(random, 0, 0.3);
  let phase = 2 * Math.PI * random.uniform();
  for (const stroke of glyph.strokes) {
    const steps = 5;
    for (let i = 0; i + 1 < stroke.length; i++) {
      const around = [stroke[i - 1] ?? stroke[i]!, stroke[i]!, stroke[i + 1]!, stroke[i + 2] ?? stroke[i + 1]!].map((point) => points[point]!);
      let [x, y] = around[1]!;
      for (let step = 1; step <= steps; step++) {
        const nextX = spline(around, 0, step / steps);
        const nextY = spline(around, 1, step / steps);
        canvas.line(x, y, nextX, nextY, radius * (1 + pressure * Math.sin(phase)), soft, ink);
        phase += 0.25;
        [x, y] = [nextX, nextY];
      }
    }
  }
}

/** Catmull and Rom's curve from the second of four points to the third. */
function spline(points: readonly (readonly [number, number])[], axis: 0 | 1, t: number): number {
  const [a, b, c, d] = [points[0]![axis], points[1]![axis], points[2]![axis], points[3]![axis]];
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/** Stray marks of the pen, on one picture in five. */
function clutter(canvas: Canvas, random: Stream): void {
  if (random.uniform() > 0.2) return;
  for (let marks = 1 + random.below(2); marks > 0; marks--) {
    const x = between(random, 0, side);
    const y = between(random, 0, side);
    const angle = 2 * Math.PI * random.uniform();
    const length = between(random, 0, 6);
    canvas.line(x, y, x + length * Math.cos(angle), y + length * Math.sin(angle), between(random, 0.3, 0.9), 1, between(random, 0.3, 0.9));
  }
}

/** The canvas as bytes, with the grain of the paper; four pixels share one random word. */
function develop(canvas: Canvas, random: Stream, out: Uint8Array): void {
  const grain = Math.max(0, between(random, -0.25, 0.25));
  for (let i = 0; i < out.length; i += 4) {
    const word = grain > 0 ? random.uint32() : 0;
    for (let j = 0; j < 4; j++) {
      const noise = grain * (((word >>> (8 * j)) & 255) / 255 - 0.5);
      const ink = Math.min(1, canvas.pixels[i + j]!) + noise;
      out[i + j] = Math.round(255 * Math.min(1, Math.max(0, ink)));
    }
  }
}

const between = (random: Stream, low: number, high: number): number => low + (high - low) * random.uniform();
