// Says on the page where nobody has signed it. A machine that lies can leave this out: docs/howto/watch-from-afar.md says how to check.
export async function sayWhoSigned() {
  try {
    const signature = await (await fetch("manifest.sig")).arrayBuffer();
    document.getElementById("unsigned").hidden = signature.byteLength > 0;
  } catch {
    // the page works without
  }
}
