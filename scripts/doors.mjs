// The doors for Node: a few large files instead of hundreds of small ones, and as CommonJS, which can be read in the middle of a program.
// What a program may never need (an engine that is not chosen, layers in one that has none) lies in files of its own, read when it is first asked for.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { giveUp } from "./prepare.mjs";

/** Modules of functions, read when one of these is first called. */
const later = [
  "compiler/compile",
  "data/digits",
  "data/mnist",
  "engines/native/engine",
  "engines/reference/engine",
  "engines/wasm/node",
  "engines/wasm/page",
  "layers/revive",
  "models/load",
  "tensor/gradcheck",
  "tensor/jacobian",
  "train/compile",
];

const hand = "engines/wasm/hand/node.js";

const dashed = (path) => path.replace(/\/index$/, "").replaceAll("/", "-");

/** Stands for a module until one of its functions is called. */
function functions(path, module) {
  const names = Object.keys(module);
  const other = names.find((name) => typeof module[name] !== "function" || /^class\b/.test(String(module[name])));
  if (other) giveUp(`${path} exports ${other}, which is no function, so it cannot be read later`);
  const calls = names.map((name) => `export function ${name}(...given) {\n  return read().${name}(...given);\n}`);
  return `const read = () => readLater("./${dashed(path)}.cjs");\n${calls.join("\n")}\n`;
}

/** Stands for `export * as name from path` until one of the names is read; then all of them are there. */
function namespace(name, path, module) {
  return `export const ${name} = Object.create(null);
Object.defineProperties(${name}, Object.fromEntries(${JSON.stringify(Object.keys(module))}.map((key) => [key, {
  configurable: true,
  enumerable: true,
  get() {
    Object.defineProperties(${name}, Object.getOwnPropertyDescriptors(readLater("./${dashed(path)}.cjs")));
    return ${name}[key];
  },
}])));
`;
}

const declaration = /^(?:export )?(?:class|(?:async )?function\*?|const|let|var) ([\w$]+)/gm;

/** Every name that a source declares: what a bundle calls otherwise, the bundler has renamed. */
function declaredIn(dist) {
  const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith(".js"));
  return new Set(
    files.flatMap(({ parentPath, path, name }) => [...readFileSync(join(parentPath ?? path, name), "utf8").matchAll(declaration)].map((found) => found[1])),
  );
}

/** Gives functions and classes the names back that they had before two of them met in one file: a module is printed under its class's name. */
function renamed(text, known) {
  const before = (name) => (known.has(name) ? name : name.replace(/\d+$/, ""));
  const names = [...text.matchAll(declaration)].map((found) => found[1]).filter((name) => known.has(before(name)) && !known.has(name));
  const inner = [...text.matchAll(/^var ([\w$]+) = class _/gm)].map((found) => found[1]);
  const pairs = [...new Set([...names, ...inner])].map((name) => `[${name}, "${before(name)}"]`);
  if (pairs.length === 0) return "";
  return `for (const [it, name] of [${pairs.join(", ")}]) if (typeof it === "function") Object.defineProperty(it, "name", { value: name, configurable: true });\n`;
}

/** One of esbuild's modules as CommonJS. What it imports becomes variables, so calls cost nothing more; circles and exports that change later must not be. */
function toCommonJs(text, file, known) {
  const named = (list, as) => list.replace(/([\w$]+) as ([\w$]+)/g, as);
  const inside = (from) => (from.startsWith(".") ? from.replace(/js$/, "cjs") : from);
  const script = text
    .replace(/^import \{([^}]*)\} from "([^"]+)";$/gm, (_, list, from) => `const {${named(list, "$1: $2")}} = require("${inside(from)}");`)
    .replace(/^import (\w+) from "(node:\w+)";$/gm, 'const $1 = require("$2");')
    .replace(/^import "([^"]+)";$/gm, (_, from) => `require("${inside(from)}");`)
    .replace(/^export \{([^}]*)\};$/m, (_, list) => `${renamed(text, known)}module.exports = {${named(list, "$2: $1")}};`)
    .replace(/^#!.*\n/, "")
    .replaceAll("readLater(", "require(");
  const rest = /^(import|export)\b.*$/m.exec(script);
  if (rest) giveUp(`${file} cannot be turned into CommonJS: ${rest[0]}`);
  const url = script.includes("importMetaUrl") ? 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;\n' : "";
  return `"use strict";\n${url}${script}`;
}

/** Writes `folder`/*.js, a door for each room and the command, and the *.cjs that they open. */
export async function nodeDoors(dist, rooms, folder) {
  const module = (path) => import(pathToFileURL(join(dist, `${path}.js`)).href);
  const front = join(dist, "node.js");
  const spaces = [...readFileSync(join(dist, "index.js"), "utf8").matchAll(/^export \* as (\w+) from "\.\/([^"]+)\.js";$/gm)].map(([line, name, path]) => ({
    line,
    name,
    path,
  }));
  const behind = (path) => `import ${JSON.stringify(front)};\nexport * from ${JSON.stringify(join(dist, `${path}.js`))};\n`;
  const entries = new Map([["cambium", `export * from ${JSON.stringify(front)};\n`]]);
  for (const path of [...rooms.map((room) => `${room}/index`), ...spaces.map(({ path }) => path), ...later]) entries.set(dashed(path), behind(path));
  entries.set("cli", `import ${JSON.stringify(join(dist, "cli", "main.js"))};\n`);
  const known = declaredIn(dist);
  const { outputFiles, metafile } = await build({
    entryPoints: [
      ...[...entries.keys()].map((name) => ({ in: `door:${name}`, out: name })),
      // Threads of the WebAssembly engine begin in a file of their own, which lies as it does beside `engines/wasm/node.js`.
      { in: join(dist, hand), out: "hand/node" },
    ],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    define: { "import.meta.url": "importMetaUrl" },
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "warning",
    plugins: [
      {
        name: "doors",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^door:/ }, ({ path }) => ({ path: path.slice(5), namespace: "door" }));
          onLoad({ filter: /.*/, namespace: "door" }, ({ path }) => ({ contents: entries.get(path), resolveDir: dist }));
          onResolve({ filter: /\.js$/ }, ({ path, importer, namespace, resolveDir }) => {
            const wanted = relative(dist, join(resolveDir, path)).replace(/\.js$/, "");
            return namespace === "file" && later.includes(wanted) && importer !== "" ? { path: wanted, namespace: "later" } : undefined;
          });
          onLoad({ filter: /.*/, namespace: "later" }, async ({ path }) => ({ contents: functions(path, await module(path)) }));
          onLoad({ filter: /[\\/]dist[\\/]index\.js$/ }, async ({ path }) => {
            let contents = readFileSync(path, "utf8");
            for (const { line, name, path } of spaces) contents = contents.replace(line, namespace(name, path, await module(path)));
            return { contents, resolveDir: dirname(path) };
          });
        },
      },
    ],
  });
  mkdirSync(join(folder, "hand"), { recursive: true });
  writeFileSync(join(folder, "hand", "node.js"), 'import "./node.cjs";\n');
  for (const { path, text } of outputFiles) writeFileSync(path.replace(/js$/, "cjs"), toCommonJs(text, path, known));
  for (const { entryPoint, exports } of Object.values(metafile.outputs)) {
    const name = entryPoint?.slice(5);
    if (name !== "cambium" && !rooms.includes(name)) continue;
    writeFileSync(join(folder, `${name}.js`), `import door from "./${name}.cjs";\nexport const {\n  ${exports.sort().join(",\n  ")}\n} = door;\n`);
  }
  writeFileSync(join(folder, "cli.js"), '#!/usr/bin/env node\nimport "./cli.cjs";\n');
}
