import { describe, expect, test } from "vitest";
import { CambiumError } from "../src/base/error.ts";
import { Stream, threefry2x32 } from "../src/base/random.ts";

const words = (...arguments_: [number, number, number, number]): string[] => {
  const out = new Uint32Array(2);
  threefry2x32(...arguments_, out);
  return [...out].map((word) => word.toString(16).padStart(8, "0"));
};

describe("threefry2x32", () => {
  test("gives the known answers of the Random123 library", () => {
    expect(words(0, 0, 0, 0)).toEqual(["6b200159", "99ba4efe"]);
    expect(words(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toEqual(["1cb996fc", "bb002be7"]);
    expect(words(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual(["c4923a9c", "483df7a0"]);
  });

  test("writes the same bits into signed and unsigned memory, where it is told to", () => {
    const signed = new Int32Array(4);
    threefry2x32(1, 2, 3, 4, signed, 2);
    expect([...new Uint32Array(signed.buffer)].map((word) => word.toString(16).padStart(8, "0"))).toEqual(["00000000", "00000000", ...words(1, 2, 3, 4)]);
  });
});

describe("a stream", () => {
  test("repeats itself for the same seed and number, and differs for others", () => {
    const take = (stream: Stream): number[] => Array.from({ length: 8 }, () => stream.uint32());
    expect(take(new Stream(7))).toEqual(take(new Stream(7, 0)));
    const firsts = [new Stream(7), new Stream(8), new Stream(7, 1), new Stream(7 + 2 ** 32), new Stream(-7)].map((stream) => take(stream).join());
    expect(new Set(firsts).size).toBe(5);
  });

  test("refuses a seed that is no whole number", () => {
    for (const seed of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) expect(() => new Stream(seed)).toThrow(CambiumError);
  });

  test("has uniform numbers in [0, 1) with the mean and variance of that range", () => {
    const stream = new Stream(1);
    const values = Array.from({ length: 100_000 }, () => stream.uniform());
    expect(values.every((value) => value >= 0 && Math.fround(value) < 1)).toBe(true);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0.5, 2);
    expect(variance).toBeCloseTo(1 / 12, 2);
  });

  test("has normal numbers with mean 0, variance 1 and the tails of a normal distribution", () => {
    const stream = new Stream(2);
    const values = Array.from({ length: 100_000 }, () => stream.normal());
    expect(Math.abs(values.reduce((sum, value) => sum + value, 0) / values.length)).toBeLessThan(0.015);
    expect(values.reduce((sum, value) => sum + value * value, 0) / values.length).toBeCloseTo(1, 1);
    expect(values.filter((value) => Math.abs(value) > 2).length / values.length).toBeCloseTo(0.0455, 2);
  });

  test("permutes: every number once, each as likely in each place", () => {
    const stream = new Stream(3);
    expect([...stream.permutation(1000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...stream.permutation(0)]).toEqual([]);
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
    for (let round = 0; round < 8000; round++) stream.permutation(4).forEach((value, place) => counts[place]![value]!++);
    for (const count of counts.flat()) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });
});
