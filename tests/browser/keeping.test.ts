/** Models that a browser keeps, and that leave it as files. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadModel } from "../../src/node.ts";
import { bench } from "./browser.ts";

const browser = bench();

/** A trained model with a state in every corner, and its weights as one list. */
const made = `
  import { download, layers, listModels, loadModel, removeModel, seed, sequential, uniform } from "cambium";
  const flat = async (model) => (await Promise.all(model.getWeights().map((weight) => weight.data()))).flatMap((data) => [...data]);
  const trained = async () => {
    seed(4);
    const x = uniform([64, 3]);
    const model = sequential([layers.dense(8, { activation: "tanh", inputShape: [3] }), layers.batchNormalization(), layers.dense(1)]);
    model.compile({ optimizer: "adam", loss: "meanSquaredError" });
    await model.fit(x, x.sum(1), { epochs: 2, verbose: 0 });
    return model;
  };
  const complaint = (promise) => promise.then(() => "nothing was wrong", (error) => error.message);
`;

test.each(["indexeddb", "opfs"])("a model kept at %s:// outlives the page, to the bit, and goes on learning as if nothing had happened", async (place) => {
  const address = `${place}://runs/a "model" *`;
  const before = await browser.inPage<{ weights: number[]; loss: number[] }>(`${made}
    const model = await trained();
    await model.save(${JSON.stringify(address)});
    const weights = await flat(model);
    const x = uniform([32, 3]);
    const { history } = await model.fit(x, x.sum(1), { epochs: 4, initialEpoch: 2, verbose: 0 });
    done({ weights, loss: history.loss });`);
  await browser.page.reload();
  const after = await browser.inPage<{ weights: number[]; loss: number[]; kept: { address: string; size: number; saved: number }[]; left: number; again: string }>(`${made}
    const kept = (await listModels()).map((one) => ({ ...one, saved: one.saved.getTime() }));
    const model = await loadModel(${JSON.stringify(address)});
    const weights = await flat(model);
    await trained(); // draws random numbers of its own
    const again = await loadModel(${JSON.stringify(address)});
    seed(4);
    uniform([64, 3]);
    const x = uniform([32, 3]);
    await removeModel(${JSON.stringify(address)});
    await removeModel(${JSON.stringify(address)});
    done({ weights, kept, loss: [], left: (await listModels("${place}://")).length, again: await complaint(loadModel(${JSON.stringify(address)})) });`);
  expect(after.weights).toEqual(before.weights);
  expect(after.kept.map((one) => one.address)).toEqual([address]);
  expect(after.kept[0]!.size).toBeGreaterThan(1000);
  expect(Math.abs(after.kept[0]!.saved - Date.now())).toBeLessThan(60_000);
  expect(after.left).toBe(0);
  expect(after.again).toBe(`${address}: there is no such file or folder`);
});

test.each(["indexeddb", "opfs"])("who loads from %s:// while it is written finds the old model or the new one", async (place) => {
  const seen = await browser.inPage<string[]>(`${made}
    const bytes = (units) => sequential([layers.dense(units, { inputShape: [200] })]);
    const models = [bytes(400), bytes(600)];
    const address = "${place}://turns";
    await models[0].save(address);
    const seen = new Set();
    let writing = true;
    const writer = (async () => {
      for (let i = 1; i < 12; i++) await models[i % 2].save(address);
      writing = false;
    })();
    while (writing) seen.add((await loadModel(address)).outputShape.join());
    await writer;
    done([...seen]);`);
  expect(seen.length).toBeGreaterThan(0);
  for (const shape of seen) expect(["400", "600"]).toContain(shape);
});

test("the last epochs of a run are kept, and a run that is broken off goes on from its backup", async () => {
  const found = await browser.inPage<{ kept: string[]; epochs: number[] }>(`${made}
    import { callbacks } from "cambium";
    const x = uniform([32, 3]);
    const broken = { onEpochEnd(epoch) { if (epoch === 1) throw new Error("the tab was closed"); } };
    const start = (more) => trained().then((model) => model.fit(x, x.sum(1), { epochs: 4, verbose: 0, callbacks: [callbacks.backupAndRestore("indexeddb://backup"), callbacks.modelCheckpoint("indexeddb://run/{epoch}"), ...more] }));
    await complaint(start([broken]));
    const kept = (await listModels("indexeddb://")).map(({ address }) => address);
    done({ kept, epochs: (await start([])).epoch });`);
  expect(found.kept).toEqual(["indexeddb://backup/latest.safetensors", "indexeddb://run/1", "indexeddb://run/2"]);
  expect(found.epochs).toEqual([2, 3]);
});

test("a model is downloaded as a file that Node reads, and read again from the file the user picks", async () => {
  const downloaded = browser.page.waitForEvent("download");
  const weights = await browser.inPage<number[]>(`${made}
    const model = await trained();
    await download(model, "sums.safetensors");
    done(await flat(model));`);
  const download = await downloaded;
  expect(download.suggestedFilename()).toBe("sums.safetensors");
  const bytes = readFileSync(await download.path());
  const model = await loadModel(new Uint8Array(bytes));
  expect(model.getWeights().flatMap((weight) => [...weight.dataSync()])).toEqual(weights);

  await browser.page.setContent(`<input type="file" />`);
  await browser.page.goto(browser.server.address);
  await browser.page.evaluate(() => document.body.append(Object.assign(document.createElement("input"), { type: "file" })));
  await browser.page.setInputFiles("input", { name: "sums.safetensors", mimeType: "application/octet-stream", buffer: bytes });
  expect(await browser.inPage<number[]>(`${made} done(await flat(await loadModel(document.querySelector("input").files[0])));`)).toEqual(weights);
});

test("an address without a scheme is one on the page's site, where nothing can be written", async () => {
  const said = await browser.inPage<string[]>(`${made}
    const model = await trained();
    done([await complaint(model.save("model")), await complaint(loadModel("/cambium.js?.safetensors"))]);`);
  expect(said[0]).toMatch(/"model" is an address on the web, where nothing can be written\n {2}hint: "indexeddb:\/\/model" keeps it in this browser/);
  expect(said[1]).toMatch(/^\/cambium\.js\?\.safetensors: (?!cannot be fetched)/);
});
