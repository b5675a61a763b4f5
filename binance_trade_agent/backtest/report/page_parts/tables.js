"use strict";
// -- tables and words: what every part of the page is made of --

// Everything is written with textContent, so no text from outside is ever read as markup.
const place = (id) => document.getElementById(id);
const data = JSON.parse(place("data").textContent);

function make(tag, text, kind) {
  const element = document.createElement(tag);
  element.textContent = text === null || text === undefined ? "" : String(text);
  if (kind) element.className = kind;
  return element;
}

const sign = (text) => (/^-.*[1-9]/.test(text) ? "bad" : /[1-9]/.test(text) && !text.startsWith("-") ? "good" : "");

function pairs(id, rows) {
  place(id).replaceChildren(...rows.map(([name, value, kind]) => {
    const box = document.createElement("div");
    box.append(make("dt", name), make("dd", value, kind));
    return box;
  }));
}

// `kinds` gives the class of a cell by its column, `cell` makes its element where text alone is not enough.
function table(id, titles, rows, kinds = {}, cell = null) {
  const whole = document.createElement("table");
  const head = whole.createTHead().insertRow();
  for (const title of titles) head.append(make("th", title));
  const body = whole.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((text, column) => {
      const made = make("td", text, kinds[column] && kinds[column](text));
      if (cell) cell(made, row, column);
      line.append(made);
    });
  }
  place(id).replaceChildren(whole);
  return whole;
}

const utc = (ms) => new Date(ms).toISOString().replace("T", " ");
const moment = (ms) => utc(ms).slice(0, 16);
const percent = (share) => (100 * share).toFixed(2) + " %";
const brief = (value) => (Math.abs(value) >= 1e4 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(6))));
