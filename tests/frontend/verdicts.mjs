// `node verdicts.mjs JOB.json`: what the reader says of each file of a job, as JSON on standard output.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { openSegment, openVault } from "./reader.mjs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const keys = await openVault(JSON.parse(readFileSync(job.vault, "utf8")), job.passphrase);

async function orError(what) {
  try {
    return await what();
  } catch (error) {
    if (error.name !== "ReaderError") throw error;
    return { error: error.code };
  }
}

async function verdict(bytes) {
  const file = await openSegment(bytes, keys);
  const records = [];
  for (let index = 0; index < file.table.length; index++) {
    const content = await orError(() => file.read(index));
    records.push(content.error ? null : createHash("sha256").update(content).digest("hex"));
  }
  const verified = await orError(() => file.verify());
  return { complete: file.complete, records, whole: verified === undefined, camera: file.header.camera };
}

const bytes = readFileSync(job.files);
const verdicts = [];
let at = 0;
for (const size of job.sizes) {
  const own = bytes.subarray(at, at + size);
  verdicts.push(await orError(() => verdict(at % 2 ? new Blob([own]) : own)));
  at += size;
}
console.log(JSON.stringify(verdicts));
