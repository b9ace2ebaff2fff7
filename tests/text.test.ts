import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { input, layers, loadModel, model, seed, sequential, type Tensor, tensor } from "../src/index.ts";
import { casesOf, expectClose, type Stored } from "./parity.ts";

interface Case {
  name: string;
  layer: { kind: string; options: Record<string, unknown> };
  adapt?: unknown[];
  given: unknown[];
  output: Stored | string[];
  vocabulary?: unknown[];
}

interface Reading {
  adapt(data: unknown): unknown;
  getVocabulary(): unknown[];
  forward(...data: unknown[]): Tensor;
}

const makers = layers as unknown as Record<string, (options: object) => Reading>;

describe("words have the numbers that Keras gives them:", () => {
  for (const c of casesOf<Case>("keras/text"))
    test(c.name, () => {
      const layer = makers[c.layer.kind]!(c.layer.options);
      if (c.adapt) layer.adapt(c.adapt);
      if (c.vocabulary) expect(layer.getVocabulary()).toEqual(c.vocabulary);
      const output = layer.forward(c.given);
      if (Array.isArray(c.output)) expect((output as unknown as unknown[]).flat()).toEqual(c.output);
      else if (c.layer.options["invert"]) expect((output as unknown as unknown[]).flat()).toEqual(c.output.data);
      else expectClose(output.to("float32"), { ...c.output, dtype: "float32" }, c.name, 1e-6);
    });
});

const texts = ["good film", "a bad film", "good, very good", "bad bad", "what a good day", "a very bad day"];
const verdicts = [1, 0, 1, 0, 1, 0];

describe("a model that begins with strings", () => {
  test("is fitted, measured and asked with strings, and keeps its words when it is saved", async () => {
    seed(0);
    const vectorize = layers.textVectorization({ outputSequenceLength: 4 }).adapt(texts);
    const net = sequential([vectorize, layers.embedding(vectorize.vocabularySize(), 4), layers.globalAveragePooling1d(), layers.dense(1, { activation: "sigmoid" })]);
    net.compile({ optimizer: "adam", loss: "binaryCrossentropy", metrics: ["accuracy"] });
    net.learningRate = 0.1;
    await net.fit(texts, verdicts, { epochs: 30, batchSize: 3, verbose: 0 });
    expect((await net.evaluate(texts, verdicts))[1]).toBe(1);
    const [good, bad] = await (await net.predict(["a good film", "a BAD film!"])).data();
    expect(good).toBeGreaterThan(0.5);
    expect(bad).toBeLessThan(0.5);
    const again = await loadModel(await net.toBytes());
    expect([...(await (await again.predict(["a good film"])).data())]).toEqual([good]);
    expect([...net.forward(["a good film"] as never).dataSync()][0]).toBeCloseTo(good!, 6);
  });

  test("may read rows instead of numbers, with batches that come one after another", async () => {
    const vectorize = layers.textVectorization({ outputMode: "tfIdf" }).adapt(texts);
    const net = sequential([input({ shape: [1], dtype: "string" }), vectorize, layers.dense(1)]);
    net.compile({ optimizer: "sgd", loss: "mse" });
    function* batches(): Generator<[string[][], number[]]> {
      for (const at of [0, 3]) yield [texts.slice(at, at + 3).map((text) => [text]), verdicts.slice(at, at + 3)];
    }
    const { history } = await net.fit(batches, { epochs: 5, verbose: 0 });
    expect(history["loss"]!.at(-1)).toBeLessThan(history["loss"]![0]!);
  });

  test("may have other inputs, and cross several", async () => {
    seed(1);
    const [city, kind, size] = [input({ shape: [1], dtype: "string", name: "city" }), input({ shape: [1], dtype: "string", name: "kind" }), input({ shape: [2], name: "size" })];
    const known = layers.stringLookup({ outputMode: "oneHot", vocabulary: ["Bern", "Rome"] }).apply(city);
    const crossed = layers.hashedCrossing(8, { outputMode: "oneHot" }).apply([city, kind]);
    const net = model({ inputs: [city, kind, size], outputs: layers.dense(1).apply(layers.concatenate().apply([known, crossed, size])) });
    expect(net.countParams()).toBe(3 + 8 + 2 + 1);
    net.compile({ optimizer: "sgd", loss: "mse" });
    const x = { city: [["Bern"], ["Rome"], ["Oslo"]], kind: [["flat"], ["house"], ["flat"]], size: tensor([[1, 2], [3, 4], [5, 6]]) };
    await net.fit(x, [1, 2, 3], { epochs: 2, verbose: 0 });
    const before = [...(await (await net.predict(x)).data())];
    const again = await loadModel(await net.toBytes());
    expect([...(await (await again.predict(x)).data())]).toEqual(before);
    expect([...net.forward(x as never).dataSync()]).toEqual(before);
  });
});

test("words are measured batch by batch, also as they arrive", async () => {
  const whole = layers.textVectorization().adapt(texts).getVocabulary();
  function* some(): Generator<string[]> {
    yield texts.slice(0, 2);
    yield texts.slice(2);
  }
  async function* later(): AsyncGenerator<string[]> {
    yield* some();
    yield ["never read"];
  }
  expect(layers.textVectorization().adapt(some()).getVocabulary()).toEqual(whole);
  expect((await layers.textVectorization().adapt(later(), { steps: 2 })).getVocabulary()).toEqual(whole);
});

test("a file of words is read and written, one a line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cambium-words-"));
  const words = layers.textVectorization().adapt(texts);
  await words.saveVocabulary(`${folder}/words.txt`);
  const lookup = layers.textVectorization();
  await lookup.loadVocabulary(`${folder}/words.txt`);
  expect(lookup.getVocabulary()).toEqual(words.getVocabulary());
  const numbers = layers.integerLookup({ vocabulary: [7, -3] });
  await numbers.saveVocabulary(`${folder}/numbers.txt`);
  const again = layers.integerLookup();
  await again.loadVocabulary(`${folder}/numbers.txt`);
  expect(again.forward(tensor([-3, 7, 5], { dtype: "int32" })).arraySync()).toEqual([2, 1, 0]);
  await expect(lookup.loadVocabulary(`${folder}/none.txt`)).rejects.toThrow("there is no such file");
});

test("standards and cuts may be functions", () => {
  const layer = layers.textVectorization({ standardize: (text) => text.replaceAll("x", ""), split: (text) => text.split("|"), vocabulary: ["a", "b"] });
  expect(layer.forward(["xa|b|c"]).arraySync()).toEqual([[2, 3, 1]]);
  expect(() => layer.getConfig()).toThrow("standardize is a function of your own");
});

describe("mistakes", () => {
  test.each<[string, () => unknown, string]>([
    ["no vocabulary", () => layers.stringLookup().forward(["a"]), "has no vocabulary yet\n  hint: adapt(data), or setVocabulary(words)"],
    ["a word twice", () => layers.stringLookup({ vocabulary: ["a", "a"] }), 'the vocabulary has "a" twice; each word has one place'],
    ["no words", () => layers.stringLookup({ vocabulary: [] }), "the vocabulary is empty"],
    ["no room for unknown words", () => layers.stringLookup({ vocabulary: ["a"], numOovIndices: 0 }).forward(["b"]), '"b" is not in the vocabulary'],
    ["too many words", () => layers.stringLookup({ vocabulary: ["a", "b"], maxTokens: 2 }), "2 words and 1 others are more than maxTokens, 2"],
    ["one token at most", () => layers.stringLookup({ maxTokens: 1 }), "maxTokens is 1; it is a whole number from 2"],
    ["unknown words in halves", () => layers.stringLookup({ numOovIndices: 0.5 }), "numOovIndices is 0.5; it is a whole number from 0"],
    ["padded to what", () => layers.stringLookup({ padToMaxTokens: true }), "padToMaxTokens needs to know maxTokens"],
    ["rows of words", () => layers.stringLookup({ invert: true, outputMode: "count" }), 'outputMode is "count"; what goes from numbers to words has "int"'],
    ["the mask among words", () => layers.stringLookup({ vocabulary: ["a", "m"], maskToken: "m" }), '"m" stands among the words; it may stand before them: ["m","[UNK]"]'],
    ["weights without use", () => layers.stringLookup({ vocabulary: ["a"], idfWeights: [1] }), 'idfWeights go with outputMode "tfIdf", not "int"'],
    ["no weights", () => layers.stringLookup({ vocabulary: ["a"], outputMode: "tfIdf" }), 'outputMode "tfIdf" needs idfWeights'],
    ["too few weights", () => layers.stringLookup({ vocabulary: ["a", "b"], idfWeights: [1], outputMode: "tfIdf" }), "there are 1 idfWeights for 2 words"],
    ["a file", () => layers.stringLookup({ vocabulary: "words.txt" as never }), 'vocabulary is the name of a file, "words.txt"'],
    ["a vocabulary given and measured", () => layers.stringLookup({ vocabulary: ["a"] }).adapt(["b"]), "the vocabulary was given and cannot be measured"],
    ["an unknown mode", () => layers.hashing(3, { outputMode: "tfIdf" as never }), 'there is no outputMode "tfIdf"'],
    ["salt for a division", () => layers.integerLookup({ salt: 1 }), 'salt goes with oovMethod "farmhash", not "floormod"'],
    ["ragged lists", () => layers.hashing(3).forward([["a"], ["b", "c"]]), "the lists are ragged: one has length 1, another 2"],
    ["lists and words", () => layers.hashing(3).forward(["a", ["b"]]), "some entries are lists and others are not"],
    ["no words at all", () => layers.hashing(3).forward({} as never), "expected strings, or lists of them, got object"],
    ["one input to cross", () => layers.hashedCrossing(3).forward([["a"]]), "takes two inputs or more, got 1"],
    ["unequal inputs to cross", () => layers.hashedCrossing(3).forward([["a"], ["b", "c"]]), "inputs are [1] and [2]; all are [batch], or [batch, 1]"],
    ["an unknown standard", () => layers.textVectorization({ standardize: "upper" as never }), 'there is no standardize "upper"'],
    ["an unknown split", () => layers.textVectorization({ split: "words" as never }), 'there is no split "words"'],
    ["pairs of none", () => layers.textVectorization({ ngrams: [0.5] }), "ngrams is"],
    ["no length", () => layers.textVectorization({ outputSequenceLength: 0 }), "outputSequenceLength is 0; it is a whole number from 1"],
    ["a length of rows", () => layers.textVectorization({ outputSequenceLength: 3, outputMode: "count" }), 'outputSequenceLength goes with outputMode "int", not "count"'],
    ["two texts a sample", () => layers.textVectorization({ vocabulary: ["a"] }).forward([["a", "b"]]), "expected one text a sample, got 2"],
    ["numbers for texts", () => layers.textVectorization({ vocabulary: ["a"] }).forward([1, 2]), "expected texts, got 1"],
    ["a length that is not known", () => layers.textVectorization({ vocabulary: ["a"] }).apply(input({ shape: [1], dtype: "string" })), "how much it reads of a sample is not known"],
    ["strings behind a layer", () => sequential([layers.flatten(), layers.hashing(3)]), "reads strings, so it comes first, not behind flatten"],
    ["strings in the middle of a graph", () => { const x = input({ shape: [2] }); return model({ inputs: x, outputs: layers.hashing(3).apply(layers.dense(2).apply(x)) }); }, "reads strings, so it comes behind an input, not behind dense"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
