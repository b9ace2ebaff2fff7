/** The front door in Node: the same as everywhere, with this machine's files. */
import { localStore } from "./data/node.ts";
import { offerStore } from "./data/store.ts";

offerStore(localStore);

export * from "./index.ts";
