// Encodes a text with npm's tiktoken as GPT-2 does, once for each line on standard input, and answers each with the
// microseconds of processor time, those of the wall clock, the tokens, and the SHA-256 of the ids as uint16, little
// endian. Usage: node tiktoken.cjs FOLDER-WITH-node_modules FILE
const fs = require("fs");
const path = require("path");
const { createHash } = require("crypto");

const [folder, file] = process.argv.slice(2);
const { get_encoding } = require(path.resolve(folder, "node_modules", "tiktoken"));
const encoding = get_encoding("gpt2");

// Megabytes at a time: a blank behind a letter or a mark always begins a piece, so that the ids are those of the whole.
const text = fs.readFileSync(file, "utf8");
const parts = [];
for (let start = 0; start < text.length;) {
  let end = Math.min(start + (1 << 20), text.length);
  while (end < text.length && !(text[end] === " " && /[!-~]/.test(text[end - 1]))) end++;
  parts.push(text.slice(start, end));
  start = end;
}

require("readline").createInterface({ input: process.stdin }).on("line", () => {
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  const ids = parts.map(part => encoding.encode_ordinary(part));
  const used = process.cpuUsage(cpu);
  const elapsed = Number((process.hrtime.bigint() - wall) / 1000n);
  const hash = createHash("sha256");
  let count = 0;
  for (const part of ids) {
    hash.update(Buffer.from(Uint16Array.from(part).buffer));
    count += part.length;
  }
  console.log([used.user + used.system, elapsed, count, hash.digest("hex")].join(" "));
});
