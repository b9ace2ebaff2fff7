import { CambiumError } from "../base/error.ts";

/**
 * Gives bytes to the user as a file, which the browser puts where downloads go.
 * @throws an `engine` error where there is no page: in Node, and in a worker
 */
export function handOver(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  if (typeof document === "undefined")
    throw new CambiumError("engine", "download", "there is no page here", "in Node, model.save(path); in a worker, leave it to the page: client.download()");
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads the address after this task.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
