import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CambiumError } from "../src/base/error.ts";
import { datasets } from "../src/data/datasets.ts";
import { drawDigits } from "../src/data/digits.ts";
import { download } from "../src/data/download.ts";
import { gunzip } from "../src/data/gzip.ts";
import { decodeIdx } from "../src/data/idx.ts";
import { type ImageSet, loadFashionMnist, loadMnist } from "../src/data/mnist.ts";

const folder = process.env["CAMBIUM_DATA"];

/** An IDX file of the type `type`. */
const idx = (type: number, shape: readonly number[], data: readonly number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([0, 0, type, shape.length, ...shape.flatMap((n) => [0, 0, n >> 8, n & 255]), ...data]);

async function refusal(act: () => unknown): Promise<CambiumError> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(CambiumError);
    return error as CambiumError;
  }
  throw new Error("nothing was refused");
}

describe("an IDX file", () => {
  test("is read with its shape, whatever the type of its numbers", () => {
    expect(decodeIdx(idx(8, [2, 3], [1, 2, 3, 4, 5, 255]))).toEqual({ data: Uint8Array.of(1, 2, 3, 4, 5, 255), shape: [2, 3], dtype: "uint8" });
    expect(decodeIdx(idx(9, [2], [1, 255]))).toEqual({ data: Int32Array.of(1, -1), shape: [2], dtype: "int32" });
    expect(decodeIdx(idx(11, [2], [1, 2, 255, 254]))).toEqual({ data: Int32Array.of(258, -2), shape: [2], dtype: "int32" });
    expect(decodeIdx(idx(12, [1], [255, 255, 255, 0]))).toEqual({ data: Int32Array.of(-256), shape: [1], dtype: "int32" });
    expect(decodeIdx(idx(13, [1], [0x3f, 0xc0, 0, 0]))).toEqual({ data: Float32Array.of(1.5), shape: [1], dtype: "float32" });
    expect(decodeIdx(idx(14, [1], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]))).toEqual({ data: Float64Array.of(1.5), shape: [1], dtype: "float64" });
    expect(decodeIdx(idx(8, [0, 28], []))).toEqual({ data: new Uint8Array(0), shape: [0, 28], dtype: "uint8" });
  });

  test("that is damaged or foreign is refused with what is wrong", async () => {
    const message = async (bytes: Uint8Array): Promise<string> => {
      const error = await refusal(() => decodeIdx(bytes, "labels"));
      expect(error.code).toBe("file");
      return error.message;
    };
    expect(await message(new Uint8Array(2))).toBe("labels: ends after 2 bytes; the header of an IDX file starts with 4\n  hint: the file was cut short; copy or download it again");
    expect(await message(idx(8, [2, 3], [1, 2, 3, 4, 5]))).toMatch("labels: has 5 bytes of data; shape [2, 3] of uint8 takes 6\n  hint: the file was cut short");
    expect(await message(idx(11, [2], [0, 1, 0, 2, 0]))).toBe("labels: has 5 bytes of data; shape [2] of int16 takes 4");
    expect(await message(Uint8Array.of(0, 0, 8, 2, 0, 0))).toMatch("labels: ends after 6 bytes; its header says rank 2, which takes 12");
    expect(await message(new TextEncoder().encode("<html>"))).toMatch(
      "labels: starts with 3c 68 74 6d; an IDX file starts with 00 00, a type (08, 09, 0b, 0c, 0d, 0e) and the number of axes\n  hint: is it another kind of file",
    );
    expect(await message(Uint8Array.of(0, 0, 7, 0))).toMatch("starts with 00 00 07 00");
    expect(await message(gzipSync(idx(8, [1], [1])))).toMatch("labels: starts with 1f 8b, which is gzip; an IDX file starts with 00 00\n  hint: unzip it first");
  });

  test("cut anywhere or with any header byte changed never gives anything but a file error or a whole result", async () => {
    const bytes = idx(12, [2, 2], Array.from({ length: 16 }, (_, i) => i));
    for (let length = 0; length < bytes.length; length++) expect((await refusal(() => decodeIdx(bytes.slice(0, length)))).code).toBe("file");
    for (let at = 0; at < 12; at++)
      for (let value = 0; value < 256; value++) {
        const damaged = bytes.slice();
        damaged[at] = value;
        try {
          const { data, shape } = decodeIdx(damaged);
          expect(data.length).toBe(shape.reduce((product, n) => product * n, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(CambiumError);
        }
      }
  });

  test("zipped is unzipped, and damage to the zip is a file error", async () => {
    const content = new Uint8Array(5000).map((_, i) => i * i);
    const zipped = new Uint8Array(gzipSync(content));
    expect(await gunzip(zipped)).toEqual(content);
    for (const damaged of [zipped.slice(0, 0), zipped.slice(0, 100), zipped.slice(0, -1), content, zipped.with(60, zipped[60]! ^ 255)])
      expect((await refusal(() => gunzip(damaged as Uint8Array<ArrayBuffer>, "x.gz"))).message).toMatch(/^x.gz: cannot be unzipped: .*\n {2}hint: the file is damaged/);
  });
});

describe("a download", () => {
  const patient = { pause: 1, patience: 5000 };

  async function serve<T>(answer: RequestListener, act: (address: string) => Promise<T>): Promise<T> {
    const server = createServer(answer);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    try {
      return await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  test("goes on to the next address, and asks a server in trouble again", async () => {
    const asked: string[] = [];
    const bytes = await serve(
      (request, response) => {
        asked.push(request.url!);
        if (request.url === "/gone") response.writeHead(404).end();
        else if (asked.length < 4) response.writeHead(503).end();
        else response.end("abc");
      },
      (base) => download("file", [`${base}/gone`, `${base}/busy`], patient),
    );
    expect(bytes).toEqual(Uint8Array.of(97, 98, 99));
    expect(asked).toEqual(["/gone", "/busy", "/busy", "/busy"]);
  });

  test("does not take what the check refuses, a broken connection, or a silent server, and says what each answered", async () => {
    const error = await serve(
      (request, response) => {
        if (request.url === "/page") response.end("<html>");
        else if (request.url === "/cut") response.writeHead(200, { "content-length": 10 }).write("abc", () => response.destroy());
      },
      (base) =>
        refusal(() =>
          download("file", [`${base}/page`, `${base}/cut`, `${base}/silent`], {
            rounds: 1,
            patience: 200,
            check: async () => {
              throw new Error("wrong sum");
            },
          }),
        ),
    );
    expect(error.code).toBe("data");
    expect(error.message).toMatch(/^file: cannot be downloaded; .*\/page: wrong sum; .*\/cut: .+; .*\/silent: sent nothing for 200 ms$/);
  });

  test("tells how far it is", async () => {
    const seen: number[] = [];
    await serve(
      (_, response) => response.end("abcdef"),
      (base) => download("file", [base], { ...patient, progress: (done) => seen.push(done) }),
    );
    expect(seen.at(-1)).toBe(6);
  });
});

describe("the files of MNIST", () => {
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "cambium-"));
    vi.stubEnv("CAMBIUM_CACHE", join(home, "cache"));
    vi.stubEnv("CAMBIUM_DATA", join(home, "data"));
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed", { cause: new Error("no net") })));
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
    await rm(home, { recursive: true });
  });

  test("are missed with a message that says what was tried and what to do", async () => {
    const error = await refusal(loadMnist);
    expect(error.code).toBe("data");
    expect(error.message).toMatch(/^mnist\/train-images-idx3-ubyte.gz: is not at .*data\/mnist\/train-images-idx3-ubyte.gz or .*data\/mnist\/train-images-idx3-ubyte or .*cache\/mnist\/train-images-idx3-ubyte.gz, and cannot be downloaded; https:.*fetch failed \(no net\)/);
    expect(error.message).toMatch("hint: set CAMBIUM_DATA to a folder that has mnist/train-images-idx3-ubyte.gz, or use datasets.digits()");
  });

  test("are refused in the user's folder when they are not the published ones, with both sums", async () => {
    await mkdir(join(home, "data/fashion-mnist"), { recursive: true });
    const bytes = gzipSync("not the images");
    await writeFile(join(home, "data/fashion-mnist/train-images-idx3-ubyte.gz"), bytes);
    const error = await refusal(loadFashionMnist);
    expect(error.code).toBe("file");
    expect(error.message).toMatch(`is damaged or another file: it has ${bytes.length} bytes and sha256 ${createHash("sha256").update(bytes).digest("hex")}; train-images-idx3-ubyte.gz has 26421880 bytes and sha256 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84`);
  });

  test.skipIf(!folder)("are downloaded once into the cache, and a damaged copy there is replaced (needs CAMBIUM_DATA)", async () => {
    vi.stubEnv("CAMBIUM_DATA", "");
    let asked = 0;
    vi.stubGlobal("fetch", async (address: string) => {
      asked++;
      return new Response(await readFile(join(folder!, "mnist", address.split("/").at(-1)!)));
    });
    await loadMnist();
    expect(asked).toBe(4);
    await writeFile(join(home, "cache/mnist/t10k-labels-idx1-ubyte.gz"), "damaged");
    expect((await loadMnist()).test.labels.shape).toEqual([10_000]);
    expect(asked).toBe(5);
    await loadMnist();
    expect(asked).toBe(5);
    expect((await readdir(join(home, "cache/mnist"))).length).toBe(4);
  });

  test.skipIf(!folder)("may be unzipped or zipped anew (needs CAMBIUM_DATA)", async () => {
    await mkdir(join(home, "data/mnist"), { recursive: true });
    for (const name of ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]) {
      const content = gunzipSync(await readFile(join(folder!, "mnist", `${name}.gz`)));
      if (name.includes("images")) await writeFile(join(home, "data/mnist", name), content);
      else await writeFile(join(home, "data/mnist", `${name}.gz`), gzipSync(content, { level: 1 }));
    }
    expect((await loadMnist()).train.images.shape).toEqual([60_000, 28, 28]);
  });
});

describe.skipIf(!folder)("the published data (needs CAMBIUM_DATA, a folder with mnist and fashion-mnist)", () => {
  const countsOf = ({ labels }: ImageSet): number[] => {
    const counts = new Array<number>(10).fill(0);
    for (const label of labels.data) counts[label]!++;
    return counts;
  };
  const spread = ({ images: { data } }: ImageSet): [mean: number, deviation: number] => {
    let sum = 0;
    let squares = 0;
    for (const byte of data as Uint8Array) {
      sum += byte;
      squares += byte * byte;
    }
    const mean = sum / data.length / 255;
    return [mean, Math.sqrt(squares / data.length / 255 ** 2 - mean ** 2)];
  };

  test("MNIST has its known counts, first labels, mean and deviation", async () => {
    const { train, test } = await loadMnist();
    expect([train.images.shape, train.labels.shape, test.images.shape, test.labels.shape]).toEqual([[60_000, 28, 28], [60_000], [10_000, 28, 28], [10_000]]);
    expect(countsOf(train)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(countsOf(test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect([...train.labels.data.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...test.labels.data.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    const [mean, deviation] = spread(train);
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(deviation).toBeCloseTo(0.3081, 4);
  });

  test("Fashion-MNIST has its known counts, first labels, mean and deviation", async () => {
    const { train, test } = await loadFashionMnist();
    expect(countsOf(train)).toEqual(new Array(10).fill(6000));
    expect(countsOf(test)).toEqual(new Array(10).fill(1000));
    expect([...train.labels.data.subarray(0, 10)]).toEqual([9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
    expect([...test.labels.data.subarray(0, 10)]).toEqual([9, 2, 1, 1, 6, 1, 4, 6, 5, 7]);
    const [mean, deviation] = spread(train);
    expect(mean).toBeCloseTo(0.286, 4);
    expect(deviation).toBeCloseTo(0.353, 4);
  });

  test("datasets.mnist() gives tensors as Keras' load_data does", async () => {
    const [[x, y], [xTest, yTest]] = await datasets.mnist();
    expect([x, y, xTest, yTest].map((tensor) => [tensor.shape, tensor.dtype])).toEqual([
      [[60_000, 28, 28], "uint8"],
      [[60_000], "uint8"],
      [[10_000, 28, 28], "uint8"],
      [[10_000], "uint8"],
    ]);
  });
});

describe("drawn digits", () => {
  test("are the same for the same seed, and others for another", () => {
    const draw = (seed: number): Uint8Array => drawDigits({ train: 50, test: 10, seed }).train.images.data as Uint8Array;
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });

  test("do not change when more follow, and none is in both sets", () => {
    const few = drawDigits({ train: 5, test: 5 });
    const many = drawDigits({ train: 40, test: 40 });
    expect(many.train.images.data.subarray(0, 5 * 784)).toEqual(few.train.images.data);
    expect(many.test.labels.data.subarray(0, 5)).toEqual(few.test.labels.data);
    const pictures = [many.train, many.test].flatMap(({ images }) => Array.from({ length: 40 }, (_, i) => images.data.slice(i * 784, (i + 1) * 784).join()));
    expect(new Set(pictures).size).toBe(80);
  });

  test("have as much ink as MNIST, soft edges, and all ten classes about equally often", () => {
    const { train } = drawDigits({ train: 2000, test: 0 });
    const data = train.images.data as Uint8Array;
    const mean = data.reduce((sum, byte) => sum + byte, 0) / data.length / 255;
    expect(mean).toBeGreaterThan(0.08);
    expect(mean).toBeLessThan(0.2);
    expect(data.filter((byte) => byte > 60 && byte < 200).length / data.length).toBeGreaterThan(0.02);
    for (let digit = 0; digit < 10; digit++) expect(Math.abs(train.labels.data.filter((label) => label === digit).length - 200)).toBeLessThan(60);
  });

  test("come as tensors in Keras' order, in the numbers asked for", async () => {
    const [[x, y], [xTest, yTest]] = await datasets.digits({ train: 30, test: 20 });
    expect([x, y, xTest, yTest].map((tensor) => tensor.shape)).toEqual([[30, 28, 28], [30], [20, 28, 28], [20]]);
    expect([x.dtype, y.dtype]).toEqual(["uint8", "uint8"]);
  });

  test("are refused in numbers that are none", async () => {
    expect((await refusal(() => drawDigits({ train: -1 }))).message).toBe("digits: train is -1; a number of images is a whole number from 0 to 2^31");
    expect((await refusal(() => datasets.digits({ test: 1.5 }))).code).toBe("value");
    expect((await refusal(() => drawDigits({ seed: 0.5 }))).code).toBe("value");
  });
});
