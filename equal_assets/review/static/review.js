// The page of `equal review`. Texts of others are put in as text, never as HTML.
"use strict";

const REASONS = [
  "the answer is wrong",
  "the document does not say so",
  "the question is unclear without the document",
  "nothing is learned from it",
  "not what this target needs",
];
const byId = (id) => document.getElementById(id);
const state = { pairs: [], verdicts: {}, listed: [], at: 0, mode: "reading", shown: null, busy: false };

function fill(id, text) {
  byId(id).textContent = text;
}

function counted(n) {
  return n.toLocaleString("en");
}

async function ask(path, given) {
  const options = given === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(given),
  };
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    const lost = given === undefined ? "" : ", and this may not be stored";
    throw new Error(`the server does not answer${lost}. Start \`equal review\` again and open its new address; every verdict before is kept`);
  }
  const type = reply.headers.get("Content-Type") || "";
  const said = type.startsWith("application/json") ? await reply.json() : { error: await reply.text() };
  if (!reply.ok) throw new Error(said.error || `the server answered ${reply.status}`);
  return said;
}

// One thing at a time: a key that is pressed meanwhile does nothing, or it would be about a pair that
// nobody has seen; a filter waits for its turn.
async function working(work, waits = false) {
  while (state.busy && waits) await new Promise((resolve) => setTimeout(resolve, 20));
  if (state.busy) return;
  state.busy = true;
  try {
    await work();
    byId("error").hidden = true;
  } catch (error) {
    fill("error", error.message);
    byId("error").hidden = false;
  } finally {
    state.busy = false;
  }
}

function showProgress() {
  const said = state.pairs.map((pair) => state.verdicts[pair.id]).filter(Boolean);
  const count = (kind) => said.filter((verdict) => verdict.said === kind).length;
  const edited = count("edited") ? `, ${counted(count("edited"))} edited` : "";
  const done = `${counted(said.length)} of ${counted(state.pairs.length)} reviewed`;
  fill("progress", `${done}, ${counted(count("rejected"))} rejected${edited}`);
  byId("bar").max = Math.max(1, state.pairs.length);
  byId("bar").value = said.length;
}

function offer(select, values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  const known = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  for (const [value, count] of known) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = `${value} (${count})`;
    select.append(option);
  }
}

function isListed(pair) {
  const verdict = state.verdicts[pair.id];
  const wanted = byId("by-verdict").value;
  const [low, high] = byId("by-score").value.split("-").map(Number);
  const fits =
    wanted === "" ||
    (wanted === "open" && !verdict) ||
    (wanted === "left out" && pair.is_left_out) ||
    (verdict && verdict.said === wanted);
  return fits && pair.score >= low && (pair.score < high || high === 1) &&
    ["cluster", "source"].every((by) => !byId(`by-${by}`).value || byId(`by-${by}`).value === pair[by]);
}

async function list() {
  const listed = state.pairs.filter(isListed);
  const order = byId("by-order").value;
  if (order !== "chance") {
    const sign = order === "lowest" ? 1 : -1;
    listed.sort((a, b) => sign * (a.score - b.score));
  }
  await show(listed, 0);
}

function setMode(mode) {
  state.mode = mode;
  for (const id of ["reading", "editing", "rejecting"]) byId(id).hidden = id !== mode;
  if (mode === "rejecting") byId("reading").hidden = false;
  byId("actions").hidden = mode !== "reading";
  if (mode === "editing") byId("new-answer").focus();
  else if (mode === "rejecting") {
    byId("rejecting").focus({ preventScroll: true });
    byId("rejecting").scrollIntoView({ block: "nearest" });
  }
  else byId("pair").focus({ preventScroll: true });
}

function showText(pieces) {
  const text = byId("text");
  text.replaceChildren();
  for (const piece of pieces) {
    if (!piece.marked) {
      text.append(piece.text);
      continue;
    }
    const mark = document.createElement("mark");
    if (piece.said) {
      const word = document.createElement("b");
      word.textContent = piece.text;
      mark.append(word);
    } else mark.textContent = piece.text;
    text.append(mark);
  }
}

function showVerdict(pair) {
  const verdict = state.verdicts[pair.id];
  const standing = byId("standing");
  standing.hidden = !verdict && !pair.is_left_out;
  standing.className = verdict ? verdict.said : "";
  const why = verdict && verdict.reason ? `: ${verdict.reason}` : "";
  standing.textContent = verdict
    ? `${verdict.said} by ${verdict.reviewer}, ${new Date(verdict.said_at).toLocaleString()}${why}`
    : "left out of the data set: it scores as what is rejected; accept it to keep it";
  const isEdited = Boolean(verdict && verdict.question !== null);
  fill("question", isEdited ? verdict.question : state.shown.question);
  fill("answer", isEdited ? verdict.answer : state.shown.answer);
  byId("before").hidden = !isEdited;
  fill("old-question", state.shown.question);
  fill("old-answer", state.shown.answer);
}

// Goes to a pair of a list; if it cannot be fetched, all stays as it is on the screen.
async function show(listed, at) {
  const pair = listed[at];
  const isThere = Boolean(pair);
  const shown = isThere ? await ask(`pairs/${pair.id}`) : null;
  Object.assign(state, { listed, at, shown });
  fill("filtered", `${counted(listed.length)} of ${counted(state.pairs.length)} pairs`);
  showProgress();
  for (const id of ["place", "source"]) byId(id).hidden = !isThere;
  byId("empty").hidden = isThere;
  byId("standing").hidden = true;
  for (const id of ["question", "answer"]) fill(id, "");
  byId("before").hidden = true;
  setMode("reading");
  for (const id of ["accept", "edit", "reject", "next"]) byId(id).disabled = !isThere;
  byId("back").disabled = state.at === 0;
  if (!isThere) {
    const isOpen = byId("by-verdict").value === "open";
    fill("empty", !state.pairs.length
      ? "There is no pair yet: `equal run` extracts some. Load the page again then."
      : isOpen ? "Nothing is left here. Choose another filter, or end with Ctrl-C in the terminal; `equal run` then makes the data set by your verdicts."
      : "No pair fits this filter.");
    return;
  }
  fill("place", `${counted(at + 1)} of ${counted(listed.length)} here · round ${pair.round} · cluster ${pair.cluster} · score ${pair.score.toFixed(2)}`);
  showVerdict(pair);
  fill("document-title", state.shown.title);
  fill("document-place", state.shown.place);
  showText(state.shown.pieces);
  byId("source").scrollTop = 0;
  byId("pair").scrollTop = 0;
  const first = byId("text").querySelector("mark");
  const isBeside = matchMedia("(min-width: 50.01rem)").matches;
  if (first && isBeside) first.scrollIntoView({ block: "center" });
  else window.scrollTo(0, 0);
}

// Ends when what was shown is on the screen: until then a key is about nothing that was seen.
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}

async function move(by) {
  const at = state.at + by;
  if (at >= 0 && at <= state.listed.length) await show(state.listed, at);
}

function take(changed) {
  for (const [id, verdict] of Object.entries(changed)) {
    if (verdict) state.verdicts[id] = verdict;
    else delete state.verdicts[id];
  }
}

async function say(verdict, more = {}) {
  const pair = state.listed[state.at];
  if (!pair) return;
  const said = await ask("verdicts", { pair: pair.id, verdict, ...more });
  take(said.verdicts);
  await move(1);
}

async function undo() {
  const said = await ask("undo", {});
  if (!said.pair) throw new Error("there is nothing of yours to undo among these pairs");
  take(said.verdicts);
  const at = state.listed.findIndex((pair) => pair.id === said.pair);
  const undone = state.pairs.find((pair) => pair.id === said.pair);
  if (at >= 0) await show(state.listed, at);
  else await show(state.listed.toSpliced(state.at, 0, undone), state.at);
}

function edit() {
  if (!state.listed[state.at]) return;
  byId("new-question").value = byId("question").textContent;
  byId("new-answer").value = byId("answer").textContent;
  setMode("editing");
}

async function saveEdit() {
  const question = byId("new-question").value.trim();
  const answer = byId("new-answer").value.replace(/^\n+|\s+$/g, "");
  if (!question || !answer) throw new Error("question and answer: must not be empty; reject the pair to leave it out");
  const isSame = question === state.shown.question && answer === state.shown.answer;
  if (isSame) return say("accepted");
  await say("edited", {
    new_question: question === state.shown.question ? "" : question,
    new_answer: answer === state.shown.answer ? "" : answer,
  });
}

function reject() {
  if (!state.listed[state.at]) return;
  byId("reason").value = "";
  setMode("rejecting");
}

async function saveReject(reason) {
  if (!reason.trim()) throw new Error("reason: must say why the pair is rejected; press 1 to 5, or write it");
  await say("rejected", { reason: reason.trim() });
}

const ACTIONS = {
  accept: () => say("accepted"),
  edit,
  reject,
  undo,
  back: () => move(-1),
  next: () => move(1),
};
const KEYS = { a: "accept", e: "edit", r: "reject", u: "undo", ArrowLeft: "back", p: "back", ArrowRight: "next", n: "next" };

function pressed(event) {
  const isTyping = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && state.mode !== "reading") {
    event.preventDefault();
    setMode("reading");
  } else if (state.mode === "editing" && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    working(saveEdit);
  } else if (state.mode === "rejecting" && !isTyping && REASONS[Number(event.key) - 1]) {
    event.preventDefault();
    working(() => saveReject(REASONS[Number(event.key) - 1]));
  } else if (state.mode === "rejecting" && event.target === byId("rejecting")) {
    if (event.key === "Enter") working(() => saveReject(""));
    else if (event.key.length === 1 && event.key !== " ") byId("reason").focus(); // which gets the key
  } else if (state.mode === "reading" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!KEYS[key] || event.repeat) return;
    event.preventDefault();
    if (!byId("actions").inert) working(ACTIONS[KEYS[key]]);
  }
}

function listen() {
  document.addEventListener("keydown", pressed);
  for (const [id, work] of Object.entries(ACTIONS)) byId(id).addEventListener("click", () => working(work));
  for (const button of document.querySelectorAll(".cancel")) button.addEventListener("click", () => setMode("reading"));
  byId("editing").addEventListener("submit", (event) => { event.preventDefault(); working(saveEdit); });
  byId("rejecting").addEventListener("submit", (event) => { event.preventDefault(); working(() => saveReject(byId("reason").value)); });
  for (const select of document.querySelectorAll("#filters select")) {
    select.addEventListener("change", () => working(list, true));
  }
  REASONS.forEach((reason, number) => {
    const button = document.createElement("button");
    const key = document.createElement("kbd");
    key.textContent = String(number + 1);
    button.type = "button";
    button.append(key, ` ${reason}`);
    button.addEventListener("click", () => working(() => saveReject(reason)));
    byId("reasons").append(button);
  });
}

async function start() {
  const found = await ask("pairs");
  state.pairs = found.pairs;
  state.verdicts = found.verdicts;
  document.title = `${found.campaign}: review`;
  fill("title", `Review of ${found.campaign}`);
  fill("who", `as ${found.reviewer}`);
  for (const by of ["cluster", "source"]) offer(byId(`by-${by}`), state.pairs.map((pair) => pair[by]));
  await list();
  await painted();
  byId("actions").inert = false;
}

listen();
working(start);
