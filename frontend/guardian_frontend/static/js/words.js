// Messages of programs as sentences for people.
export function sentence(text) {
  if (!text) return "";
  const quoted = text.replace(/`([^`]*)`/g, "“$1”");
  const address = quoted.split(" ", 1)[0].includes("/"); // which is not made a word of
  return (address ? quoted : quoted[0].toUpperCase() + quoted.slice(1)) + (/[.!?…]$/.test(quoted) ? "" : ".");
}
