// dist/ from src/, the doors that package.json names, and the native engine where there is a C++ compiler.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { giveUp, root, run, stamp } from "./prepare.mjs";

const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
rmSync(stamp, { force: true });
if ((await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"])) !== 0) giveUp("src/ does not compile");

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const rooms = Object.entries(exports).flatMap(([path, door]) => (path === "." || typeof door === "string" ? [] : [path.slice(2)]));
for (const room of rooms) if (!existsSync(join(dist, room, "index.js"))) giveUp(`package.json offers cambium/${room}, but there is no src/${room}/index.ts`);

// Whoever enters by a side door needs the engines too, so each first opens the front door of its platform.
const doors = join(dist, "doors");
const open = (room, front) => `import "../${front}";\nexport * from "../${room}/index.js";\n`;
mkdirSync(doors);
for (const room of rooms) writeFileSync(join(doors, `${room}.js`), open(room, "index.js"));

// Node reads two hundred small files three times slower than a few large ones, and starting is what a script does most.
const { build } = await import("esbuild");
const fronts = new Map([["cambium", `export * from "../node.js";\n`], ...rooms.map((room) => [room, open(room, "node.js")])]);
await build({
  entryPoints: [
    ...[...fronts.keys()].map((name) => ({ in: `door:${name}`, out: name })),
    // Threads of the WebAssembly engine begin in a file of their own, which lies as it does beside `engines/wasm/node.js`.
    { in: join(dist, "engines/wasm/hand/node.js"), out: "hand/node" },
  ],
  outdir: join(doors, "node"),
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  keepNames: true, // a module is printed under its class's name
  logLevel: "warning",
  plugins: [
    {
      name: "doors",
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^door:/ }, ({ path }) => ({ path: path.slice(5), namespace: "door" }));
        onLoad({ filter: /.*/, namespace: "door" }, ({ path }) => ({ contents: fronts.get(path), resolveDir: doors }));
      },
    },
  ],
});
mkdirSync(dirname(stamp), { recursive: true });
writeFileSync(stamp, "");
process.exit(await run(process.execPath, ["scripts/native.mjs"]));
