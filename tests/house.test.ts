import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

/** From the ground up. A file may import from its own room and from any floor below; see docs/house.md. */
const floors: readonly (readonly string[])[] = [
  ["base"],
  ["graph"],
  ["ops"],
  ["compiler", "autodiff"],
  ["engines"],
  ["tensor"],
  ["module"],
  ["nn", "losses", "metrics", "optim", "data"],
  ["layers", "train", "explain"],
  ["models", "networks", "search", "board"],
  ["interop", "worker"],
  ["cli"],
];

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((f) => f.endsWith(".ts"))
  .map((f) => join("src", f));
const room = (file: string): string | undefined => (file.split("/").length > 2 ? file.split("/")[1] : undefined);
const isDoor = (file: string): boolean => room(file) === undefined || /\/index\.ts$/.test(file) || file === "src/cli/main.ts";
const floorOf = (file: string): number => floors.findIndex((rooms) => rooms.includes(room(file)!));
const text = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
const imports = (file: string): string[] => [...text.get(file)!.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, path]) => join(dirname(file), path!));

test("every room stands on a floor", () => {
  for (const file of files) if (!isDoor(file)) expect(floorOf(file), `${file} is in no room of docs/house.md`).toBeGreaterThanOrEqual(0);
});

test("every arrow points down, and no room leans on its neighbour", () => {
  const wrong = files.filter((f) => !isDoor(f)).flatMap((file) => imports(file).filter((target) => !isDoor(target) && room(target) !== room(file) && floorOf(target) >= floorOf(file)).map((target) => `${file} imports ${target}`));
  expect(wrong).toEqual([]);
});

test("code imports the file that defines a name; doors are for users", () => {
  const wrong = files.filter((f) => !isDoor(f)).flatMap((file) => imports(file).filter(isDoor).map((target) => `${file} imports ${target}`));
  expect(wrong).toEqual([]);
});

test("no files import each other in a circle, type-only imports included", () => {
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === "open") circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (state.has(file)) return;
    state.set(file, "open");
    for (const target of imports(file)) if (text.has(target)) visit(target, [...path, file]);
    state.set(file, "done");
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test("only the native engine, the command line, the Node door and files called node.ts know Node", () => {
  const free = (file: string): boolean => file.startsWith("src/engines/native/") || file.startsWith("src/cli/") || file.endsWith("/node.ts");
  const wrong = files.filter((file) => !free(file) && /(?:from|import\()\s*"node:/.test(text.get(file)!));
  expect(wrong).toEqual([]);
});

test("the core has no run-time dependency", () => {
  const outside = files.flatMap((file) => [...text.get(file)!.matchAll(/^(?:import|export)[^"]*from\s*"([^.][^"]*)"/gm)].filter(([, name]) => !name!.startsWith("node:")).map(([, name]) => `${file} imports ${name}`));
  expect(outside).toEqual([]);
  expect(JSON.parse(readFileSync("package.json", "utf8")).dependencies).toBeUndefined();
});

test("a file can be read in one sitting", () => {
  const native = readdirSync("native", { recursive: true, encoding: "utf8" }).filter((f) => /\.(hpp|cc|cpp)$/.test(f)).map((f) => join("native", f));
  const long = [...files, ...native].map((file) => [file, readFileSync(file, "utf8").split("\n").length] as const).filter(([, lines]) => lines > 400);
  expect(long).toEqual([]);
});

test("no file is named for being useful in general", () => {
  expect(files.filter((file) => /\/(utils?|common|helpers?|misc|managers?|impl)(\/|\.ts$)/.test(file))).toEqual([]);
});

test("every op says in a sentence what the caller gets", () => {
  const silent = files.filter((f) => f.startsWith("src/ops/")).flatMap((file) => [...text.get(file)!.matchAll(/(.*)\nexport (?:const|function) (\w+)/g)].filter(([, before]) => !/\*\/\s*$/.test(before!)).map(([, , name]) => `${file}: ${name}`));
  expect(silent).toEqual([]);
});

test("nothing is compiled from text at run time", () => {
  expect(files.filter((file) => /[=(,;!&|?:]\s*eval\(|return eval\(|new Function\(/.test(text.get(file)!))).toEqual([]);
});
