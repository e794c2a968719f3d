"use strict";
const words = document.body.dataset;
const form = document.querySelector("form");
const told = document.getElementById("told");
const email = document.getElementById("email");
const password = document.getElementById("password");
const fragment = new URLSearchParams(location.hash.slice(1));
const token = fragment.get("token");
email.value = fragment.get("email") || "";
// The link is of no more use in the history, and nobody should read it over a shoulder.
history.replaceState(null, "", location.pathname);
if (token && email.value) {
  form.hidden = false;
  password.focus();
} else {
  told.textContent = words.incomplete;
}
document.getElementById("reveal").addEventListener("change", (event) => {
  password.type = event.target.checked ? "text" : "password";
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  told.textContent = words.sending;
  try {
    const answer = await fetch(location.pathname, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: email.value, reset_token: token, new_password: password.value }),
    });
    if (answer.ok) {
      form.remove();
      told.textContent = words.done;
      return;
    }
    if (answer.status === 400) {
      told.textContent = words.refused + " (" + (await answer.json()).message + ")";
    } else {
      told.textContent = answer.status === 403 ? words.invalid : words.later;
    }
  } catch {
    told.textContent = words.later;
  }
  button.disabled = false;
});
