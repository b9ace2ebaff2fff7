// dist/ from src/, the doors that package.json names, and the native engine where there is a C++ compiler.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { giveUp, root, run, stamp } from "./prepare.mjs";

const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
rmSync(stamp, { force: true });
if ((await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"])) !== 0) giveUp("src/ does not compile");

// Whoever enters by a side door needs the engines too, so each first opens the front door of its platform.
mkdirSync(join(dist, "doors"));
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
for (const [path, door] of Object.entries(exports)) {
  if (path === "." || typeof door === "string") continue;
  const room = path.slice(2);
  if (!existsSync(join(dist, room, "index.js"))) giveUp(`package.json offers cambium/${room}, but there is no src/${room}/index.ts`);
  for (const [target, front] of [
    [door.node, "node.js"],
    [door.default, "index.js"],
  ])
    writeFileSync(join(root, target), `import "../${front}";\nexport * from "../${room}/index.js";\n`);
}
mkdirSync(dirname(stamp), { recursive: true });
writeFileSync(stamp, "");
process.exit(await run(process.execPath, ["scripts/native.mjs"]));
