// Builds the native engine, build/cambium.node, with nothing but a C++ compiler. Skipped when it is up to date.
//
//   node scripts/native.mjs             build; without a compiler say so and go on
//   node scripts/native.mjs --require   the same, but fail
//   CXX=clang++ node scripts/native.mjs
//   CAMBIUM_SETS=avx512 node scripts/native.mjs    only these instruction sets: faster while working on the kernels
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "native", "src");
const build = join(root, "build");
const addon = join(build, "cambium.node");
const stamp = join(build, "cambium.stamp");
const required = process.argv.includes("--require");
const mac = process.platform === "darwin";
const start = Date.now();

/** Instruction sets, best first: on x64 Linux three, picked from when the addon is loaded. The last is for processors before 2013: small and quickly compiled. */
const sets =
  process.arch === "arm64"
    ? { neon: [] }
    : process.arch === "x64"
      ? mac
        ? { avx2: ["-march=x86-64-v3"] }
        : { avx512: ["-march=x86-64-v4", "-mprefer-vector-width=512"], avx2: ["-march=x86-64-v3"], sse2: ["-march=x86-64", "-Os"] }
      : { plain: [] };

const common = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wno-psabi", "-pthread"];
/** Never -ffast-math: it breaks rounding tricks, and linked in it changes the arithmetic of the thread that loads the addon. */
const kernelFlags = ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-maybe-uninitialized", "-Wno-uninitialized"];

const toolchain = mac ? "xcode-select --install" : "apt-get install g++";
/** This command again, as a person at hand would type it. */
const again = existsSync(join(root, "package-lock.json")) ? "npm run native" : `node ${relative(process.cwd(), fileURLToPath(import.meta.url))}`;

/** Ends the script when the engine cannot be built. */
function without(reason, remedy = toolchain) {
  console.log(`cambium: ${reason}, so the slower engine will serve${remedy ? `; for the fast one: ${remedy}, then ${again}` : ""}`);
  process.exit(required ? 1 : 0);
}

function compilerVersion(name) {
  try {
    return execFileSync(name, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0];
  } catch {
    return undefined;
  }
}

function headers() {
  const candidates = [];
  try {
    candidates.push(createRequire(import.meta.url)("node-api-headers").include_dir);
  } catch {
    // Not installed: Node's own headers may be there.
  }
  candidates.push(join(dirname(dirname(process.execPath)), "include", "node"), "/usr/include/node");
  return candidates.find((folder) => existsSync(join(folder, "node_api.h")));
}

const version = (name) => ({ name, version: compilerVersion(name) });
const compiler = [process.env.CXX, "g++", "clang++", "c++"]
  .filter(Boolean)
  .map(version)
  .find((c) => c.version);
if (process.platform === "win32") without("the native engine is not available on Windows yet", "");
if (!compiler) without("there is no C++ compiler");
const include = headers();
if (!include) without("the Node-API headers were not found", "npm install --save-dev node-api-headers");

const files = readdirSync(source).sort();
const gcc = !/clang/i.test(compiler.version);
if (gcc) kernelFlags.push("-fno-gnu-unique"); // unique symbols cannot be hidden
if (process.env.CAMBIUM_SETS) for (const isa of Object.keys(sets)) if (!process.env.CAMBIUM_SETS.split(",").includes(isa)) delete sets[isa];

const hash = createHash("sha256");
for (const file of [...files.map((name) => join(source, name)), fileURLToPath(import.meta.url)])
  hash.update(file.slice(root.length)).update(readFileSync(file));
hash.update(JSON.stringify([compiler, process.arch, process.platform, sets]));
const key = hash.digest("hex");
if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === key) {
  console.log("cambium: the native engine is up to date");
  process.exit(0);
}

const run = promisify(execFile);
const call = (program, ...args) => run(program, args, { maxBuffer: 1 << 26 });

mkdirSync(build, { recursive: true });
const scratch = mkdtempSync(join(build, "native-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** Compiles the kernels for one instruction set and hides everything but their table. */
async function kernels(isa) {
  const object = join(scratch, `${isa}.o`);
  await call(compiler.name, ...common, ...kernelFlags, ...sets[isa], `-DCAMBIUM_ISA=${isa}`, "-c", join(source, "kernels.cpp"), "-o", object);
  if (Object.keys(sets).length === 1) return object;
  // Templates of the standard library exist in all sets under one name; the linker must not take one for another.
  const whole = join(scratch, `${isa}.whole.o`);
  await call("ld", "-r", "--force-group-allocation", object, "-o", whole);
  await call("objcopy", `--keep-global-symbol=cambium_${isa}`, whole);
  return whole;
}

async function plain(name) {
  const object = join(scratch, `${name}.o`);
  const list = Object.keys(sets).map((isa) => `X(${isa})`);
  await call(compiler.name, ...common, "-DNAPI_VERSION=2147483647", `-DCAMBIUM_ISAS=${list.join(" ")}`, `-I${include}`, "-c", join(source, name), "-o", object);
  return object;
}

const tasks = [...Object.keys(sets).map((isa) => () => kernels(isa)), ...files.filter((name) => name.endsWith(".cc")).map((name) => () => plain(name))];
const objects = new Array(tasks.length);
let next = 0;
async function work() {
  while (next < tasks.length) {
    const mine = next++;
    objects[mine] = await tasks[mine]();
  }
}

try {
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, work));
  const fresh = join(scratch, "cambium.node");
  const link = mac ? ["-undefined", "dynamic_lookup"] : ["-Wl,-s", "-Wl,--exclude-libs,ALL"];
  await call(compiler.name, "-shared", "-pthread", ...link, ...objects, "-o", fresh, ...(mac ? [] : ["-ldl"]));
  renameSync(fresh, addon);
  writeFileSync(stamp, key);
  console.log(`cambium: built the native engine (${Object.keys(sets).join(", ")}) in ${((Date.now() - start) / 1000).toFixed(1)} s`);
} catch (error) {
  console.error(error.stderr || error.message);
  rmSync(scratch, { recursive: true, force: true });
  without(`the native engine could not be compiled with ${compiler.name}`);
}
