// A CommonJS program: import() works in every Node, require() from 22.12 on.
const [major, minor] = process.versions.node.split(".").map(Number);
const opened = major > 22 || (major === 22 && minor >= 12) ? Promise.resolve(require("cambium")) : import("cambium");
opened.then(({ tensor }) => console.log(tensor([20]).add(22).item()));
