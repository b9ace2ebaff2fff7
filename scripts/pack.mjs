// Packs what is published: the package, and beside it the native engine for this machine's platform as an optional package of its own.
//
//   node scripts/pack.mjs [--to FOLDER] [--as-built]    FOLDER: build/packages; --as-built: the addon that is there, whatever instruction sets it has
//
// The package that is packed names the platforms' packages as optional dependencies of its own version: npm fetches the one that fits and none where none does. No install script runs.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { giveUp, root, run, say } from "./prepare.mjs";

/** For which the release makes packages; see .github/workflows/release.yml. */
const platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];
const here = `${process.platform}-${process.arch}`;
const scope = "@cambium/native-";

const args = process.argv.slice(2);
const asBuilt = args.includes("--as-built");
const to = resolve(args.includes("--to") ? (args[args.indexOf("--to") + 1] ?? giveUp("--to needs a folder")) : join(root, "build", "packages"));
const addon = join(root, "build", "cambium.node");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

if (!existsSync(join(root, "dist", "doors"))) giveUp("dist/ is missing: npm run build");
if (!asBuilt && (await run(process.execPath, ["scripts/native.mjs", "--require"])) !== 0) giveUp("the native engine could not be built");
if (!existsSync(addon)) giveUp("build/cambium.node is missing: npm run native");

const scratch = mkdtempSync(join(tmpdir(), "cambium-pack-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
mkdirSync(to, { recursive: true });

/** Packs a folder and says what came of it. */
function pack(folder) {
  const [{ filename, size, unpackedSize }] = JSON.parse(
    execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", to], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  // npm has named scoped packages' files in two ways.
  const file = filename.replace("@", "").replace("/", "-");
  say(`${file}: ${(size / 1e6).toFixed(2)} MB, installed ${(unpackedSize / 1e6).toFixed(1)} MB`);
  return { file, size, unpackedSize };
}

const { version, license } = manifest;
const native = join(scratch, "native");
mkdirSync(native);
copyFileSync(addon, join(native, "cambium.node"));
copyFileSync(join(root, "LICENSE"), join(native, "LICENSE"));
writeFileSync(
  join(native, "README.md"),
  `The native engine of [cambium](https://www.npmjs.com/package/cambium) for ${here}. It is found by itself; there is nothing to import.\n`,
);
writeFileSync(
  join(native, "package.json"),
  JSON.stringify(
    {
      name: scope + here,
      version,
      description: `Cambium's native engine for ${here}`,
      license,
      os: [process.platform],
      cpu: [process.arch],
      main: "cambium.node",
      files: ["cambium.node"],
    },
    undefined,
    2,
  ),
);

const whole = join(scratch, "whole");
for (const path of [...manifest.files, "README.md", "LICENSE"]) cpSync(join(root, path), join(whole, path), { recursive: true });
const { devDependencies: _, scripts: __, ...published } = manifest;
const optionalDependencies = Object.fromEntries(platforms.map((platform) => [scope + platform, version]));
writeFileSync(join(whole, "package.json"), JSON.stringify({ ...published, optionalDependencies }, undefined, 2));

const budget = { addon: 1e6, installed: 5e6 };
const packed = { native: pack(native), whole: pack(whole) };
if (packed.whole.unpackedSize > budget.installed) giveUp(`the package takes ${packed.whole.unpackedSize} bytes installed; its budget is ${budget.installed}`);
if (!asBuilt && packed.native.size > budget.addon) say(`the addon's package is larger than ${budget.addon / 1e6} MB: its budget`);
if (statSync(join(to, packed.whole.file)).size === 0) giveUp("npm wrote an empty package");
