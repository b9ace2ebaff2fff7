// The browser's tests, in the Chromium of this machine (CAMBIUM_BROWSER names another). Ends with one line, `N passed, N failed`.
import { existsSync } from "node:fs";
import { build, giveUp, prepare, say } from "./prepare.mjs";
import { finish, vitest } from "./vitest.mjs";

const places = [
  process.env.CAMBIUM_BROWSER,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

await prepare();
await build();
const browser = places.find((path) => path && existsSync(path));
if (!browser) giveUp("there is no Chromium here (apt-get install chromium); CAMBIUM_BROWSER names one that lies elsewhere");
say(`browser tests in ${browser}`);
process.env.CAMBIUM_BROWSER = browser;
finish(await vitest("browser", "--config", "tests/browser/vitest.config.ts"));
