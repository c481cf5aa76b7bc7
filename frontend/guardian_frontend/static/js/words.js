// Messages of programs as sentences for people.
export function sentence(text) {
  if (!text) return "";
  const quoted = text.replace(/`([^`]*)`/g, "“$1”");
  return quoted[0].toUpperCase() + quoted.slice(1) + (/[.!?…]$/.test(quoted) ? "" : ".");
}
