"use strict";
const words = document.body.dataset;
const [set, ask, told, email, password, whose, reveal] =
  ["set", "ask", "told", "email", "password", "whose", "reveal"].map((id) => document.getElementById(id));
const link = location.hash.slice(1);
const fragment = new URLSearchParams(link);
const token = fragment.get("token");
email.value = whose.value = fragment.get("email") || "";
// It is of no more use in the history, and nobody should read it over a shoulder.
history.replaceState(null, "", location.pathname);

const show = (form) => {
  set.hidden = form !== set;
  ask.hidden = form !== ask;
};
if (token && email.value) {
  show(set);
  password.focus();
} else {
  told.textContent = link ? words.incomplete : "";
  show(ask);
  whose.focus();
}
reveal.addEventListener("change", () => {
  password.type = reveal.checked ? "text" : "password";
});

const send = (form, method, fields, answered) => {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    told.textContent = words.sending;
    try {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(location.pathname, { method, headers, body: JSON.stringify(fields()) });
      await answered(answer);
    } catch {
      told.textContent = words.later;
    }
    button.disabled = false;
  });
};
send(
  set,
  "PUT",
  () => ({ email: email.value, reset_token: token, new_password: password.value }),
  async (answer) => {
    if (answer.ok) {
      show(null);
      told.textContent = words.done;
    } else if (answer.status === 400) {
      told.textContent = words.refused + " (" + (await answer.json()).message + ")";
    } else if (answer.status === 403) {
      show(ask);
      told.textContent = words.invalid;
    } else {
      told.textContent = words.later;
    }
  },
);
send(
  ask,
  "POST",
  () => ({ email: whose.value }),
  async (answer) => {
    if (answer.ok) {
      show(null);
      told.textContent = words.sent;
    } else {
      told.textContent = answer.status === 400 ? words.address : words.later;
    }
  },
);
