// Messages of programs as sentences for people.
export function sentence(text) {
  if (!text) return "";
  const quoted = text.replace(/`([^`]*)`/g, "“$1”");
  const address = /^\S*(\/|\.\S)/.test(quoted); // or the name of a setting, which is not made a word of
  return (address ? quoted : quoted[0].toUpperCase() + quoted.slice(1)) + (/[.!?…]$/.test(quoted) ? "" : ".");
}
