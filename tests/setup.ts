/** What the Node door does for users: makes this machine's engines and files known. */
import "../src/node.ts";
