"use strict";
const words = document.body.dataset;
const [set, ask, result, email, password, whose, reveal] =
  ["set", "ask", "result", "email", "password", "whose", "reveal"].map((id) => document.getElementById(id));
const link = location.hash.slice(1);
const fragment = new URLSearchParams(link);
const token = fragment.get("token");
email.value = whose.value = fragment.get("email") || "";
// The link has no further use in the history, and bystanders should not read it.
history.replaceState(null, "", location.pathname);

const show = (form) => {
  set.hidden = form !== set;
  ask.hidden = form !== ask;
};
if (token && email.value) {
  show(set);
  password.focus();
} else {
  result.textContent = link ? words.incomplete : "";
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
    result.textContent = words.sending;
    try {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(location.pathname, { method, headers, body: JSON.stringify(fields()) });
      await answered(answer);
    } catch {
      result.textContent = words.later;
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
      result.textContent = words.done;
    } else if (answer.status === 400) {
      result.textContent = words.refused + " (" + (await answer.json()).message + ")";
    } else if (answer.status === 403) {
      show(ask);
      result.textContent = words.invalid;
    } else {
      result.textContent = words.later;
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
      result.textContent = words.sent;
    } else {
      result.textContent = answer.status === 400 ? words.address : words.later;
    }
  },
);
