// What a fresh clone lacks: packages, a compiler, the build. Only node: modules here, since nothing is installed yet.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const say = (text) => console.log(`cambium: ${text}`);

/** Ends the program with one line. */
export function giveUp(text) {
  console.error(`cambium: ${text}`);
  process.exit(1);
}

/** Runs a program to its end, its output going where ours goes; the exit status. */
export function run(program, args, { env = {}, quiet = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", quiet ? "ignore" : "inherit", "inherit"],
      shell: process.platform === "win32" && program === "npm",
    });
    child.on("error", () => resolve(127));
    child.on("close", (status, signal) => resolve(status ?? (signal ? 128 : 1)));
  });
}

const works = (program, ...args) => spawnSync(program, args, { stdio: "ignore" }).status === 0;

export const hasCompiler = () => [process.env.CXX, "g++", "clang++", "c++"].filter(Boolean).some((name) => works(name, "--version"));

function expectNode() {
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 20) giveUp(`Node ${process.versions.node} is too old; Cambium needs Node 20 or newer`);
}

async function install() {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const there = join(root, "node_modules", ".package-lock.json");
  const wanted = Object.entries(JSON.parse(lock).packages).filter(([path, { optional }]) => path && !optional);
  const have = existsSync(there) ? JSON.parse(readFileSync(there, "utf8")).packages : {};
  if (wanted.every(([path, { version }]) => have[path]?.version === version)) return;
  say("installing the development tools (npm ci)");
  if ((await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { quiet: true })) !== 0)
    giveUp("npm ci failed; it needs the npm registry, or a mirror of it named in your npm configuration");
}

/** Without a C++ compiler everything works, slower; where one can be had without asking anybody, it is fetched. */
async function compiler() {
  if (hasCompiler() || process.platform !== "linux") return;
  if (process.getuid?.() !== 0 || !works("apt-get", "--version")) return;
  say("installing g++ for the native engine (apt-get install g++)");
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env, quiet: true });
  if ((await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "g++"], { env, quiet: true })) !== 0)
    say("apt-get could not install g++; the slower engine will serve");
}

const newest = (path) => {
  const stat = statSync(path);
  return stat.isDirectory() ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name)))) : stat.mtimeMs;
};

/** Written when `dist` has been made. */
export const stamp = join(root, "build", "dist.stamp");

/** Whether `dist` holds what `src` says now. */
function isBuilt() {
  if (!existsSync(stamp) || !existsSync(join(root, "dist"))) return false;
  const sources = ["src", "package.json", "tsconfig.json", "tsconfig.build.json"].map((name) => newest(join(root, name)));
  return statSync(stamp).mtimeMs >= Math.max(...sources);
}

/** Packages and a compiler, where they are missing. */
export async function prepare() {
  expectNode();
  await install();
  await compiler();
}

/** `dist` and the native engine, where they are missing or old. */
export async function build() {
  if (!isBuilt()) {
    say("building");
    if ((await run(process.execPath, ["scripts/build.mjs"])) !== 0) giveUp("the build failed");
  } else if ((await run(process.execPath, ["scripts/native.mjs"])) !== 0) giveUp("the native engine could not be built");
}
