import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CambiumError } from "../src/base/error.ts";
import { readIfThere, writeAtomically } from "../src/data/node.ts";
import { decode, encode, type StoredTensor } from "../src/data/safetensors.ts";

const reference = new URL("parity/reference.safetensors", import.meta.url);

const some: Record<string, StoredTensor> = {
  mask: { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
  "a.weight": { dtype: "float32", shape: [2, 1], data: Float32Array.of(1, -2.5) },
  "a.bias": { dtype: "float64", shape: [], data: Float64Array.of(Math.PI) },
  count: { dtype: "int32", shape: [2], data: Int32Array.of(7, -7) },
};

/** A file from its header's text and its data. */
function file(header: unknown, data: readonly number[] = []): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  out.set(data, 8 + text.length);
  return out;
}

const entry = (begin: number, end: number, shape = [end - begin], dtype = "U8"): object => ({ dtype, shape, data_offsets: [begin, end] });

/** The error that `decode` gives, which must be a `file` error. */
function refusal(bytes: Uint8Array): string {
  try {
    decode(bytes, "model.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(CambiumError);
    expect((error as CambiumError).code).toBe("file");
    return (error as CambiumError).message;
  }
  return "none";
}

describe("safetensors", () => {
  test("what is written is read back, with its metadata", () => {
    const metadata = { format: "pt", note: "grüß" };
    expect(decode(encode(some, metadata))).toEqual({ tensors: some, metadata });
    expect(decode(encode({}))).toEqual({ tensors: {}, metadata: {} });
  });

  test("a file of the reference implementation is read, and written again byte for byte", async () => {
    const bytes = await readFile(reference);
    const { tensors, metadata } = decode(bytes);
    expect(metadata).toEqual({ note: "grüß" });
    expect(tensors).toEqual({
      "linear.weight": { dtype: "float32", shape: [2, 3], data: Float32Array.of(1.5, -2, 0.1, 0, Number.POSITIVE_INFINITY, 3) },
      double: { dtype: "float64", shape: [2], data: Float64Array.of(Math.PI, -1e300) },
      count: { dtype: "int32", shape: [1, 2], data: Int32Array.of(7, -7) },
      half: { dtype: "float16", shape: [5], data: Float32Array.of(1.5, -2, 65504, 2 ** -24, Number.NaN) },
      brain: { dtype: "bfloat16", shape: [3], data: Float32Array.of(1.5, Number.NEGATIVE_INFINITY, 0.10009765625) },
      batches: { dtype: "int64", shape: [], data: Float64Array.of(2 ** 40 + 1) },
      narrow: { dtype: "int8", shape: [2], data: Int8Array.of(-128, 127) },
      bytes: { dtype: "uint8", shape: [5], data: Uint8Array.of(250, 251, 252, 253, 254) },
      mask: { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
      empty: { dtype: "float32", shape: [0, 3], data: new Float32Array(0) },
      scalar: { dtype: "float32", shape: [], data: Float32Array.of(2.5) },
    });
    expect(encode(tensors, metadata)).toEqual(new Uint8Array(bytes));
  });

  test("int16, which is no dtype here, becomes int32", async () => {
    const { tensors } = decode(await readFile(new URL("parity/widened.safetensors", import.meta.url)));
    expect(tensors).toEqual({ short: { dtype: "int32", shape: [2], data: Int32Array.of(-300, 300) } });
  });

  test("numbers lie aligned to their own width", () => {
    const bytes = encode(some);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, { data_offsets: [number, number] }>;
    expect(Object.entries(header).map(([name, { data_offsets }]) => [name, ...data_offsets])).toEqual([
      ["a.bias", 0, 8],
      ["a.weight", 8, 16],
      ["count", 16, 24],
      ["mask", 24, 27],
    ]);
  });

  test("a tensor may have any name but that of the metadata", () => {
    const odd = Object.fromEntries([["__proto__", some["mask"]!], ["", some["count"]!], ['"\n', some["mask"]!]]);
    expect(Object.entries(decode(encode(odd)).tensors).sort()).toEqual(Object.entries(odd).sort());
    expect(() => encode({ __metadata__: some["mask"]! })).toThrow('safetensors "__metadata__": is the name of the file\'s metadata; a tensor needs another');
  });

  test("a tensor whose parts do not fit together is not written", () => {
    expect(() => encode({ w: { dtype: "float32", shape: [2, 3], data: new Float32Array(5) } })).toThrow('safetensors "w": has 5 numbers; shape [2, 3] takes 6');
    expect(() => encode({ w: { dtype: "float32", shape: [2], data: new Float64Array(2) } })).toThrow('safetensors "w": is float32, but its data is float64');
    expect(() => encode({ w: { dtype: "int64", shape: [2], data: new Int32Array(2) } })).toThrow('safetensors "w": is int64, but its data is int32');
    expect(() => encode({ w: { dtype: "int4" as "int8", shape: [2], data: new Int8Array(2) } })).toThrow('there is no dtype "int4"');
  });

  test("what is wrong with a file is said", () => {
    expect(refusal(new Uint8Array(5))).toMatch(/^model.safetensors: ends after 5 bytes; a safetensors file begins with 8/);
    expect(refusal(new TextEncoder().encode("<!doctype html><title>404</title>"))).toMatch(/does not begin like a safetensors file.*\n {2}hint: is it another kind of file\?/);
    expect(refusal(file({ x: entry(0, 4) }, [1, 2]))).toMatch(/tensor "x" ends at byte 4 of the data, which has 2\n {2}hint: the file was cut short/);
    expect(refusal(file({ x: entry(0, 2), y: entry(1, 3) }, [1, 2, 3]))).toMatch(/tensor "y" begins at byte 1 of the data, inside the tensor before it, which ends at 2/);
    expect(refusal(file({ x: entry(0, 1), y: entry(2, 3) }, [1, 2, 3]))).toMatch(/tensor "y" begins at byte 2 of the data, apart from the tensor before it, which ends at 1/);
    expect(refusal(file({ x: entry(0, 1) }, [1, 2, 3]))).toMatch(/has 3 bytes of data; its tensors take 1/);
    expect(refusal(file({ x: entry(0, 3, [1, 4]) }, [1, 2, 3]))).toMatch(/tensor "x" has 3 bytes; shape \[1, 4\] of U8 takes 4/);
    expect(refusal(file({ x: entry(0, 3, [3], "F8_E4M3") }, [1, 2, 3]))).toMatch(/tensor "x" has dtype "F8_E4M3"; F64, F32, .* can be read/);
    expect(refusal(file({ x: { shape: [0], data_offsets: [0, 0] } }))).toMatch(/tensor "x" has dtype missing/);
    expect(refusal(file({ x: entry(2, 0, [0]) }, [1, 2]))).toMatch(/tensor "x" begins at byte 2 of the data and ends before it, at 0/);
    expect(refusal(file({ x: entry(0, 0, [-1]) }))).toMatch(/tensor "x" has shape \[-1\]/);
    expect(refusal(file({ x: entry(0, 0, [0, 1e300 as number]) }))).toMatch(/tensor "x" has shape \[0,1e\+300\]/);
    expect(refusal(file({ x: { dtype: "U8", shape: [0], data_offsets: [0] } }))).toMatch(/tensor "x" has data_offsets \[0\]/);
    expect(refusal(file({ x: null }))).toMatch(/tensor "x" is described by null/);
    expect(refusal(file({ x: entry(0, 1, [1], "BOOL") }, [2]))).toMatch(/tensor "x" holds 2; a BOOL is 0 or 1/);
    expect(refusal(file({ __metadata__: { epoch: 3 } }))).toMatch(/"__metadata__" is \{"epoch":3\}; it maps names to text/);
    expect(refusal(file("{nonsense"))).toMatch(/has a damaged header/);
    expect(refusal(file('{"x":'.repeat(100_000)))).toMatch(/has a damaged header/);
  });

  test("no truncation and no flipped bit gives anything but a file error or a whole result", () => {
    const bytes = encode(some, { format: "pt" });
    for (let length = 0; length < bytes.length; length++) expect(refusal(bytes.slice(0, length)), `${length} bytes`).not.toBe("none");
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = bytes.slice();
        damaged[at]! ^= flip;
        refusal(damaged);
      }
  });
});

describe("files", () => {
  test("a safetensors file is written whole, replaces the old one and leaves nothing else behind", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cambium-"));
    try {
      const path = join(folder, "model.safetensors");
      await writeAtomically(path, encode({}));
      await writeAtomically(path, encode(some, { format: "pt" }));
      expect(decode((await readIfThere(path))!)).toEqual({ tensors: some, metadata: { format: "pt" } });
      expect(await readdir(folder)).toEqual(["model.safetensors"]);
      await expect(writeAtomically(folder, new Uint8Array(1))).rejects.toThrow(CambiumError);
      expect(await readdir(folder)).toEqual(["model.safetensors"]);
      expect(await readIfThere(join(folder, "none"))).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
