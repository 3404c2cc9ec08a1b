// Builds the bundle from these sources and package-lock.json, and notes what it was built from: `make editor`.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const target = new URL("../../static/voice/texml_editor/", import.meta.url);
const here = new URL("./", import.meta.url);
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const read = (name, base = here) => readFileSync(new URL(name, base));

const { metafile } = await build({
  entryPoints: ["editor.js"],
  absWorkingDir: new URL(".", here).pathname,
  outfile: new URL("editor.js", target).pathname,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2021",
  legalComments: "none", // they are in LICENSES.txt
  metafile: true,
});

const packages = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) packages.add(found[1]);
}
const licences = [...packages].sort().map((name) => {
  const folder = new URL(`node_modules/${name}/`, here);
  const { version, license } = JSON.parse(read("package.json", folder));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  if (!file) throw new Error(`${name} brings no licence text.`);
  return `${name} ${version} (${license})\n\n${read(file, folder).toString().trim()}\n`;
});
const head = "editor.js holds these packages, each under its licence.\n";
writeFileSync(new URL("LICENSES.txt", target), [head, ...licences].join(`\n${"-".repeat(80)}\n\n`));

// The record: each source, the lock, and what was made of them.
const record = {};
for (const name of readdirSync(here).sort()) {
  if (/\.(js|mjs)$|^package(-lock)?\.json$/.test(name)) record[name] = hash(read(name));
}
for (const name of ["editor.js", "LICENSES.txt"]) record[`static/${name}`] = hash(read(name, target));
writeFileSync(new URL("built.json", here), `${JSON.stringify(record, null, 2)}\n`);
