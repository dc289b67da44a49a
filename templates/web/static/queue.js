// The queue by keyboard, labels without leaving the page, and rows that are still open kept up to date.
// Without this script every part of the page works as links and forms.

const list = document.querySelector(".queue");
const form = document.querySelector("#queue");
const said = document.querySelector("#said");
const selected = document.querySelector("#selected");
const help = document.querySelector("#help");
const REFRESH_MS = 5000;
let touched = []; // the mentions of the last action: they change again when it is undone

const mentions = () => [...list.querySelectorAll(".mention")];
const at = () => list.querySelector(".mention.at");
const picked = () => [...list.querySelectorAll("input[name=mention_id]:checked")];
const box = (mention) => mention.querySelector("input[name=mention_id]");

function go(mention) {
  if (!mention) return;
  at()?.classList.remove("at");
  mention.classList.add("at");
  mention.querySelector(".open").focus({ preventScroll: true });
  mention.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = mentions();
  const here = all.indexOf(at());
  go(all[here < 0 ? 0 : Math.min(all.length - 1, Math.max(0, here + by))]);
}

function count() {
  if (!selected) return;
  const number = picked().length;
  selected.textContent = number ? `${number} selected:` : "Select mentions to";
}

// Puts fresh rows in place of those on the page; the selection and the place stay.
async function refresh(ids) {
  if (!ids.length) return;
  const query = ids.map((id) => `id=${id}`).join("&");
  const answer = await fetch(`${form.dataset.rows}?${query}`);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const row of fresh.querySelectorAll(".mention")) {
    const old = document.getElementById(row.id);
    if (!old || old.outerHTML === row.outerHTML) continue;
    const [was, had, checked] = [old.classList.contains("at"), old.contains(document.activeElement), box(old).checked];
    old.replaceWith(row);
    box(row).checked = checked;
    if (was) row.classList.add("at");
    if (had) row.querySelector(".open").focus({ preventScroll: true });
  }
}

// Sends a form as it stands; the answer says what was done, with a form that undoes it.
async function post(address, body) {
  const answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" } });
  const elsewhere = answer.headers.get("HX-Redirect");
  if (elsewhere) window.location.assign(elsewhere);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.ok) said.replaceChildren(...page.body.childNodes);
  else refuse(page.querySelector("main")?.textContent.trim().replace(/\s+/g, " ") || `Refused (${answer.status}).`);
  return answer.ok;
}

function refuse(text) {
  const line = document.createElement("p");
  line.className = "problem";
  line.textContent = text;
  said.replaceChildren(line);
}

async function send(button) {
  const chosen = picked();
  if (!chosen.length) {
    refuse("Select a mention first.");
    return;
  }
  const ids = chosen.map((input) => input.value);
  touched = ids;
  const body = new URLSearchParams(new FormData(form, button));
  chosen.forEach((input) => { input.checked = false; });
  count();
  const address = button.getAttribute("formaction") ?? form.getAttribute("action");
  if (await post(address, body)) await refresh(ids);
}

async function undo(undoing) {
  if (await post(undoing.getAttribute("action"), new URLSearchParams(new FormData(undoing)))) await refresh(touched);
}

function label(number) {
  const button = form.querySelectorAll("button[name=label]")[number - 1];
  if (!button) return;
  const here = at();
  if (!picked().length && here) box(here).checked = true;
  form.requestSubmit(button);
  if (here) step(1);
}

const blurs = ["", "blurred", "clear"];  // "": only what is marked as sensitive

function blur(which) {
  localStorage.blur = which;
  for (const each of blurs.filter(Boolean)) document.body.classList.toggle(each, each === which);
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  x: () => { const here = at(); if (here) { box(here).checked = !box(here).checked; count(); } },
  "/": () => document.querySelector("#search").focus(),
  "?": () => help.showModal(),
  u: () => said.querySelector("form")?.requestSubmit(),
  b: () => { blur(blurs[(blurs.indexOf(localStorage.blur || "") + 1) % blurs.length]); },
  Enter: () => at()?.querySelector(".open").click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const field = event.target.closest("input, select, textarea");
  if (event.key === "Escape" && field) { field.blur(); return; }
  const writes = field && !(field.matches("input[type=checkbox]") && field.closest(".mention"));
  if (writes) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const act = /^[1-5]$/.test(event.key) ? () => label(Number(event.key)) : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter) void send(event.submitter);
});
said.addEventListener("submit", (event) => {
  event.preventDefault();
  void undo(event.target);
});
list.addEventListener("change", count);
list.addEventListener("focusin", (event) => {
  const mention = event.target.closest(".mention");
  if (mention && mention !== at()) { at()?.classList.remove("at"); mention.classList.add("at"); }
});

// What is not set has no place in the address.
document.querySelector(".filters").addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});

const keysButton = document.querySelector("#show-help");
keysButton.hidden = false;
keysButton.addEventListener("click", () => help.showModal());
blur(localStorage.blur || "");
setInterval(() => {
  if (!document.hidden) void refresh([...list.querySelectorAll(".mention[data-open]")].map((row) => row.dataset.id));
}, REFRESH_MS);
