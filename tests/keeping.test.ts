/** Where models are kept and come from, as far as Node knows such places; tests/browser has those of a browser. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { download, layers, listModels, loadModel, removeModel, type Sequential, sequential } from "../src/node.ts";

const small = (): Sequential => sequential([layers.dense(2, { inputShape: [3], name: "only" })]);
const numbers = ({ weights }: { weights: readonly { dataSync(): ArrayLike<number> }[] }): number[][] => weights.map((weight) => [...Array.from(weight.dataSync())]);

let folder: string;
let server: Server;
let site: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cambium-"));
  server = createServer(async (request, response) => {
    if (request.url === "/broken.safetensors") return void response.writeHead(503).end();
    if (request.url === "/page.safetensors") return void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<!doctype html>");
    const bytes = await readFile(join(folder, request.url!.split("?")[0]!)).catch(() => undefined);
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

test("a model is loaded from the web: one file, a folder, a folder's model.json, an answer to fetch", async () => {
  const model = small();
  await model.save(join(folder, "whole.safetensors"));
  await model.save(join(folder, "parts"));
  const sources = [`${site}/whole.safetensors`, `${site}/whole.safetensors?v=2`, new URL(`${site}/whole.safetensors`), `${site}/parts`, `${site}/parts/model.json`, await fetch(`${site}/whole.safetensors`)];
  for (const source of sources) expect(numbers(await loadModel(source))).toEqual(numbers(model));
});

test("a model is loaded from bytes, a buffer, a blob and a chosen file", async () => {
  const model = small();
  const bytes = await model.toBytes();
  for (const source of [bytes, bytes.buffer, new Blob([bytes])]) expect(numbers(await loadModel(source))).toEqual(numbers(model));
  const file = Object.assign(new Blob([bytes.slice(0, 40)]), { name: "digits.safetensors" });
  await expect(loadModel(file)).rejects.toThrow(/^digits\.safetensors: /);
});

test.each([
  ["/missing.safetensors", /there is no such file or folder/],
  ["/missing", /has no model\.json/],
  ["/broken.safetensors", /cannot be fetched: the server answers 503/],
  ["/page.safetensors", /is a web page, not a model.*hint: .*address/s],
])("what is wrong with %s is said", async (path, problem) => {
  await expect(loadModel(site + path)).rejects.toThrow(problem);
  if (!path.endsWith("missing")) await expect(fetch(site + path).then(loadModel)).rejects.toThrow(problem);
});

test("a server that does not answer is named", async () => {
  await expect(loadModel("http://127.0.0.1:1/model.safetensors")).rejects.toThrow(/^http:\/\/127\.0\.0\.1:1\/model\.safetensors: cannot be fetched/);
});

test("nothing is written to the web", async () => {
  await expect(small().save(`${site}/model`)).rejects.toThrow(/^save: .*nothing can be written\n {2}hint: "indexeddb:\/\/model" keeps it in this browser; download/);
  await expect(removeModel(`${site}/model`)).rejects.toThrow(/^remove: /);
});

test("an unknown kind of address is named, and the nearest suggested", async () => {
  await expect(small().save("indexdb://digits")).rejects.toThrow(/^save: there are no files called indexdb:\/\/\n {2}hint: did you mean "indexeddb"/);
});

test("a browser's places are a browser's", async () => {
  await expect(small().save("indexeddb://digits")).rejects.toThrow(/^indexeddb:\/\/digits: there is no IndexedDB here.*in Node, a path does/s);
  await expect(loadModel("opfs://digits")).rejects.toThrow(/^opfs:\/\/digits: there is no private file system here/);
  await expect(loadModel("opfs://")).rejects.toThrow(/there is no private file system here|names nothing/);
  expect(await listModels()).toEqual([]);
  await expect(listModels("indexeddb://")).rejects.toThrow("there is no IndexedDB here");
  await expect(listModels("models")).rejects.toThrow('"models" has no list of models');
  await expect(download(small())).rejects.toThrow(/^download: there is no page here/);
  // @ts-expect-error a number is no address
  await expect(loadModel(3)).rejects.toThrow("got number; it reads an address, bytes, a file or a response");
});

test("removing a model takes away what save wrote, and nothing else", async () => {
  const path = join(folder, "removed");
  await small().save(path);
  await writeFile(join(path, "notes.txt"), "mine");
  await removeModel(path);
  expect(await readdir(path)).toEqual(["notes.txt"]);
  await small().save(`${path}.safetensors`);
  await removeModel(`${path}.safetensors`);
  await removeModel(`${path}.safetensors`);
  expect(await readdir(folder)).not.toContain("removed.safetensors");
});
