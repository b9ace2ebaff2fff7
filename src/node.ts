/** The front door in Node: the same as everywhere, with this machine's files. */
import { localStore } from "./data/node.ts";
import { offerStore } from "./data/store.ts";
import { offerEngine } from "./engines/choose.ts";
import { nativeEngine } from "./engines/native/engine.ts";
import { loadAddon } from "./engines/native/load.ts";
import { offerFiles } from "./data/files.ts";
import { wasmEngineInNode } from "./engines/wasm/node.ts";
import { localFiles } from "./models/node.ts";
import { processPlace } from "./train/node.ts";
import { offerPlace } from "./train/place.ts";

offerEngine({
  name: "native",
  rank: 20,
  create: () => {
    const addon = loadAddon();
    return typeof addon === "string" ? addon : nativeEngine();
  },
});
offerEngine({ name: "wasm", rank: 10, create: wasmEngineInNode });
offerStore(localStore);
offerFiles("", localFiles);
offerPlace(processPlace);

export * from "./index.ts";
