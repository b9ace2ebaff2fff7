import { CambiumError } from "../base/error.ts";
import { type Files, type Kept, nameIn, refused } from "./files.ts";

/** Contents by name; beside them, so that a list need not read them, their sizes and dates. */
const contents = "contents";
const cards = "cards";

interface Card {
  readonly size: number;
  readonly saved: Date;
}

/** What is kept in this browser's database for this site. */
export const databaseFiles: Files = {
  folders: false,
  read: (path) => within<Uint8Array | undefined>(path, "readonly", (store) => store(contents).get(nameIn(path))),
  async write(path, bytes) {
    const name = nameIn(path);
    await within(path, "readwrite", (store) => {
      const card: Card = { size: bytes.length, saved: new Date() };
      store(cards).put(card, name);
      // Of a view, all that lies under it would be written.
      return store(contents).put(bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice(), name);
    });
  },
  async remove(path) {
    await within(path, "readwrite", (store) => {
      store(cards).delete(nameIn(path));
      return store(contents).delete(nameIn(path));
    });
  },
  isFolder: () => Promise.resolve(false),
  async list() {
    const found: Kept[] = [];
    await within("indexeddb://", "readonly", (store) => {
      const request = store(cards).openCursor();
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return;
        found.push({ address: `indexeddb://${String(cursor.key)}`, ...(cursor.value as Card) });
        cursor.continue();
      };
      return request;
    });
    return found;
  },
};

/** What `work` asks for, once all it has done is written: whole or not at all. */
async function within<T>(path: string, mode: IDBTransactionMode, work: (store: (name: string) => IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open(path);
  try {
    return await new Promise<T>((done, fail) => {
      const transaction = database.transaction([contents, cards], mode, { durability: "strict" });
      const refuse = (): void => fail(refused(path, mode === "readonly" ? "read" : "written", transaction.error));
      transaction.onabort = refuse;
      transaction.onerror = refuse;
      const request = work((name) => transaction.objectStore(name));
      transaction.oncomplete = () => done(request.result);
    });
  } finally {
    database.close();
  }
}

function open(path: string): Promise<IDBDatabase> {
  if (typeof indexedDB === "undefined")
    throw new CambiumError("engine", path, "there is no IndexedDB here: it is a browser's", 'in Node, a path does: "my-model"');
  return new Promise((done, fail) => {
    const request = indexedDB.open("cambium", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(contents);
      request.result.createObjectStore(cards);
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(refused(path, "opened", request.error));
  });
}
