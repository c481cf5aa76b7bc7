// What the phone's page hands over stands behind #, which browsers send to nobody: it goes into the field, and out of the address.
const field = document.querySelector("#push");
const given = location.hash.slice(1);
if (given) history.replaceState(null, "", location.pathname);
if (field && given.startsWith("guardian-push:")) {
  field.value = given;
  document.querySelector("#phone-form button").focus();
}
