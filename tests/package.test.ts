/** The package as a stranger meets it: packed, installed in another project, imported, type-checked. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "cambium-package-"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const doors = Object.keys(manifest.exports).filter((path) => !path.endsWith(".json"));
const rooms = readdirSync(join(root, "src"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, "src", entry.name, "index.ts")))
  .map(({ name }) => `./${name}`);

/** What the program printed, or all it said when it failed. */
function run(cwd: string, program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(" ")}\n${stdout}\n${stderr}`);
  }
}

const node = (cwd: string, ...args: string[]): string => run(cwd, process.execPath, ...args);
const compilerOf = (name: string): string => join(root, "node_modules", name, "bin", "tsc");

const packed = (name: RegExp): string => readdirSync(folder).find((file) => file.endsWith(".tgz") && name.test(file))!;
const install = (...what: string[]): string => run(folder, "npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", ...what);

beforeAll(() => {
  if (!existsSync(join(root, "dist", "doors"))) node(root, "scripts/build.mjs");
  node(root, "scripts/pack.mjs", "--as-built", "--to", folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module", dependencies: { cambium: `file:${packed(/^cambium-\d/)}` } }));
  cpSync(join(root, "tests", "consumers"), folder, { recursive: true });
  install("--omit=optional");
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the doors of package.json are the rooms that have one", () => {
  expect(doors.filter((path) => path !== ".").sort()).toEqual(rooms.sort());
});

test("the package brings nothing but itself", () => {
  expect(readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["cambium"]);
});

test("files with effects of their own are listed as such", () => {
  for (const path of manifest.sideEffects.filter((path: string) => !path.includes("*"))) expect(existsSync(join(root, path)), path).toBe(true);
});

describe.each([
  ["installed from the tarball", folder],
  ["inside the checkout", root],
])("%s", (_, where) => {
  test.each(doors)("door %s opens and can compute", (door) => {
    const name = door.replace(".", "cambium");
    const program = `
      const door = await import("${name}");
      const { tensor } = await import("cambium");
      console.log(Object.keys(door).length > 0, tensor([20]).add(22).item());`;
    expect(node(where, "--input-type=module", "--eval", program).trim()).toBe("true 42");
  });
});

test("a side door alone brings an engine and this machine's files", () => {
  const program = `
    import { Linear } from "cambium/nn";
    console.log(new Linear(3, 2).weight.dataSync().length);`;
  expect(node(folder, "--input-type=module", "--eval", program).trim()).toBe("6");
});

test("a CommonJS program opens it", () => {
  expect(node(folder, "commonjs.cjs").trim()).toBe("42 true true");
});

// Node takes about 0.1 ms for each KB it reads here; a count stays right where a clock would not.
test("importing reads what a first tensor needs: engines, compiler and layers wait until they are asked for", () => {
  const program = `
    import { createRequire } from "node:module";
    const { cache } = createRequire(import.meta.url);
    const seen = new Set();
    const read = () => { const fresh = Object.keys(cache).filter((path) => !seen.has(path)); for (const path of fresh) seen.add(path); return fresh; };
    const before = new Set(process.moduleLoadList);
    const { layers, nn, tensor } = await import("cambium");
    const builtins = process.moduleLoadList.filter((name) => !before.has(name));
    const steps = { import: read() };
    tensor([20]).add(22).item();
    steps.compute = read();
    nn.Linear;
    steps.nn = read();
    layers.dense;
    steps.layers = read();
    console.log(JSON.stringify({ steps, builtins }));`;
  const { steps, builtins } = JSON.parse(node(folder, "--input-type=module", "--eval", program)) as { steps: Record<string, string[]>; builtins: string[] };
  const bytes = (name: string): number => steps[name]!.reduce((sum, path) => sum + statSync(path).size, 0);
  const names = (name: string): string => steps[name]!.map((path) => basename(path)).join(" ");
  expect(bytes("import")).toBeLessThan(720e3);
  expect(names("import")).not.toMatch(/engines|compiler|layers|nn/);
  expect(names("compute")).toMatch(/compiler/);
  expect(bytes("compute")).toBeLessThan(300e3);
  expect(names("nn")).toMatch(/^nn\.cjs/);
  expect(names("layers")).toMatch(/layers\.cjs/);
  expect(builtins.filter((name) => /crypto/.test(name))).toEqual([]);
});

test("for Node, functions and classes have the names they have elsewhere", () => {
  const program = `
    const bundled = await import("cambium");
    const apart = await import(new URL("index.js", new URL("../../", import.meta.resolve("cambium"))));
    const wrong = [];
    const compare = (a, b, path) => {
      for (const key of Object.keys(a)) {
        if (typeof a[key] === "function" && a[key].name !== "" && a[key].name !== b[key].name) wrong.push(path + key + " is called " + b[key].name);
        else if (a[key]?.[Symbol.toStringTag] === "Module") compare(a[key], b[key], path + key + ".");
      }
    };
    compare(apart, bundled, "");
    console.log(JSON.stringify({ wrong, keys: [Object.keys(apart.nn).length, Object.keys(bundled.nn).length], own: "Linear" in bundled.nn, destructured: typeof bundled.layers.dense }));`;
  const { wrong, keys, ...rest } = JSON.parse(node(folder, "--input-type=module", "--eval", program));
  expect(wrong).toEqual([]);
  expect(keys[0]).toBe(keys[1]);
  expect(rest).toEqual({ own: true, destructured: "function" });
});

test("without an addon the doctor says what computes and how to be faster", () => {
  const said = run(folder, "node_modules/.bin/cambium", "doctor");
  expect(said).toMatch(/engine +(?!native)\w+/);
  expect(said).toMatch(/not native: it has not been built here/);
  expect(said).toContain(`npm install @cambium/native-${process.platform}-${process.arch}`);
  expect(said).toMatch(/product +\d+ × \d+ matrices: [\d.]+ GFLOP\/s/);
});

test("what the command does not know it says with what it knows", () => {
  const { stderr, status } = spawnSync("node_modules/.bin/cambium", ["docter"], { cwd: folder, encoding: "utf8" });
  expect(stderr).toMatch(/there is no command "docter".*did you mean "doctor"/s);
  expect(status).toBe(1);
});

test.skipIf(!existsSync(join(root, "build", "cambium.node")))("the platform's package brings the native engine, without a script and without a compiler", () => {
  install("--no-save", packed(/^cambium-native-/));
  expect(node(folder, "--input-type=module", "--eval", `import { engine, tensor } from "cambium"; console.log(engine().name, tensor([20]).add(22).item());`).trim()).toBe("native 42");
  const { findings, advice } = JSON.parse(run(folder, "node_modules/.bin/cambium", "doctor", "--json"));
  expect(findings.find(({ name }: { name: string }) => name === "engine").value).toMatch(/^native: /);
  expect(advice.filter((line: string) => line.includes("native"))).toEqual([]);
  rmSync(join(folder, "node_modules", "@cambium"), { recursive: true });
});

test("the package stays within its budget: 5 MB installed", () => {
  const sizes = readdirSync(join(folder, "node_modules", "cambium"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(5e6);
});

// One instruction set is enough to see that it builds; all of them take a minute.
const set = { x64: "sse2", arm64: "neon" }[process.arch as string];
const headers = [join(dirname(dirname(process.execPath)), "include", "node"), "/usr/include/node"].some((path) => existsSync(join(path, "node_api.h")));
const compiler = ["g++", "clang++", "c++"].some((name) => spawnSync(name, ["--version"]).status === 0);

test.skipIf(!set || !headers || !compiler)("the native engine is built by the documented command, with what a machine with Node and a compiler has", () => {
  const said = execFileSync(process.execPath, ["node_modules/cambium/scripts/native.mjs", "--require"], { cwd: folder, encoding: "utf8", env: { ...process.env, CAMBIUM_SETS: set } });
  expect(said).toMatch(/built the native engine/);
  expect(node(folder, "--input-type=module", "--eval", `import { engine } from "cambium"; console.log(engine().describe());`)).toMatch(/^native: /);
}, 120_000);

/** Compiles the consumer's program the way its author would. */
function typecheck(compiler: string, moduleResolution: "nodenext" | "bundler", emit: boolean): void {
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "dom"],
    module: moduleResolution === "nodenext" ? "nodenext" : "esnext",
    moduleResolution,
    strict: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    types: [],
    ...(emit ? { outDir: "out" } : { noEmit: true }),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  node(folder, compilerOf(compiler));
}

describe.each(["typescript", "typescript-5.9"])("%s", (compiler) => {
  test.each(["nodenext", "bundler"] as const)("checks the declarations under strict, resolved as %s", (resolution) => {
    typecheck(compiler, resolution, false);
  }, 60_000);
});

test("the consumer's compiled program runs", () => {
  typecheck("typescript", "nodenext", true);
  expect(JSON.parse(node(folder, "out/program.js"))).toEqual({ shape: [4, 1], slope: 12, doubled: 42, parameters: 4, gradients: true, message: true });
}, 60_000);

test("bundled for a browser, the package needs no node: module", async () => {
  const entry = doors.map((door, i) => `export * as door${i} from "${door.replace(".", "cambium")}";`).join("\n");
  const { outputFiles, metafile } = await build({
    stdin: { contents: entry, resolveDir: folder },
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["browser"],
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const outside = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path));
  expect(outside).toEqual([]);
  expect(outputFiles[0]!.text).not.toMatch(/["']node:/);
});

test("a page that wants only tensors does not carry the layers", async () => {
  const { metafile } = await build({
    stdin: { contents: `import { tensor } from "cambium"; console.log(tensor([1]).add(1).item());`, resolveDir: folder },
    bundle: true,
    format: "esm",
    platform: "browser",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  const carried = Object.entries(output!.inputs).filter(([path, { bytesInOutput }]) => bytesInOutput > 0 && /\/dist\/(layers|models|nn|optim|train|data\/(datasets|mnist|digits))/.test(path));
  expect(carried.map(([path]) => path)).toEqual([]);
});
