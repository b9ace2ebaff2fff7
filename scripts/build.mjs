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

const { nodeDoors } = await import("./doors.mjs");
await nodeDoors(dist, rooms, join(doors, "node"));
mkdirSync(dirname(stamp), { recursive: true });
writeFileSync(stamp, "");
process.exit(await run(process.execPath, ["scripts/native.mjs"]));
