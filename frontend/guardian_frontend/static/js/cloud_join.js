// The invitation stands behind #, which browsers send to nobody. It goes through the login in this tab's storage, and is gone then.
const KEY = "guardian-invitation";
const field = document.querySelector("#word");
const given = location.hash.slice(1);
if (given) {
  history.replaceState(null, "", location.pathname);
  try { sessionStorage.setItem(KEY, given); } catch { /* storage may be off */ }
}
if (field) {
  try {
    field.value = given || sessionStorage.getItem(KEY) || "";
    sessionStorage.removeItem(KEY);
  } catch { field.value = given; }
}
