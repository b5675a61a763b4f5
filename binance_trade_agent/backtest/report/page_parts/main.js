// -- everything on its place --

function showTop() {
  place("title").textContent = "Backtest: " + data.strategy;
  place("range").textContent = data.from + " to " + data.to + " UTC, by " + data.path + (data.digest ? ", plan " + data.digest : "");
  place("verdict").textContent = data.holds ? "" : "book and report or exchange differ: see below";
  place("verdict").className = "bad";
  const unit = ", " + data.asset;
  const at = Object.fromEntries(data.figures);
  pairs("money", [
    ["Put in" + unit, data.initial], ["At the end" + unit, data.equity], ["Profit" + unit, data.profit, sign(data.profit)],
    ["Return", at["return"], sign(at["return"])], ["Largest drawdown", at["largest drawdown"]],
  ]);
  pairs("figures", data.figures.filter(([name]) => name !== "return" && name !== "largest drawdown"));
}

function showMonths() {
  const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const years = [...new Set(data.months.map(([year]) => year))];
  const rows = years.map((year) => {
    const own = data.months.filter((month) => month[0] === year);
    const whole = own.reduce((grown, month) => grown * (1 + month[2]), 1) - 1;
    const by = Object.fromEntries(own.map((month) => [month[1], percent(month[2])]));
    return [year, ...names.map((_, index) => by[index + 1] || ""), percent(whole)];
  });
  table("months", ["Year", ...names, "Whole"], rows, Object.fromEntries(names.concat("").map((_, index) => [index + 1, sign])));
}

function showSymbols() {
  const titles = ["Symbol", "Profit", "Share", "Market", "Trades", "Won", "Profit factor", "Mean trade", "Held", "Drawdown", "Fees", "Traded", "Unrealised", "Candles", "Missing"];
  const charted = new Set(data.charts.map((chart) => chart.name));
  const link = (cell, row, column) => {
    if (column || !charted.has(row[0])) return;
    const anchor = make("a", row[0]);
    anchor.href = "#chart-" + row[0];
    cell.replaceChildren(anchor);
  };
  const whole = table("symbols", titles, [...data.symbols, data.all], { 1: sign, 2: sign, 3: sign, 7: sign, 12: sign }, link);
  whole.tBodies[0].lastElementChild.className = "sum";
  const fees = data.elsewhere.map(([asset, paid]) => paid + " " + asset).join(", ");
  place("elsewhere").textContent = "Amounts in " + data.asset + "; share: of what was put in; market: how far the price itself went." + (fees ? " Fees of " + fees + " are not in these figures." : "");
}

function showCharts() {
  place("rule").textContent = "A column stands for equally many moments: the line is the last equity, the shade its range, the drawdown the deepest, the exposure the mean. Drag to choose a range, double-click for the whole.";
  if (curve.t.length) {
    account.drawings = [canvasOf(place("equity"), paintEquity), canvasOf(place("drawdown"), paintArea(curve.drawdown, "bad", -1)), canvasOf(place("exposure"), paintArea(curve.exposure, "held", 1))];
    for (const name of ["equity", "drawdown", "exposure"]) {
      place(name).setAttribute("aria-label", name + " over time; " + data.figures.map((pair) => pair.join(" ")).join(", "));
      handle(place(name), account);
    }
    place("whole").addEventListener("click", () => account.show(account.whole));
    account.point(null);
  }
  const cells = Object.fromEntries(data.symbols.map((row) => [row[0], row]));
  for (const chart of data.charts) addChart(chart, cells[chart.name]);
  const merged = Math.max(1, ...data.charts.map((chart) => chart.merged));
  place("how").textContent = "Each triangle is an order at its mean price: up where it bought, down where it sold. "
    + (merged > 1 ? "Up to " + merged + " candles are merged into one bar, with their highest and lowest price. " : "")
    + (data.uncharted ? data.uncharted + " symbols with fewer fills have no chart." : "");
}

function showRest() {
  const isCut = data.closed > data.trades.length;
  place("which").textContent = isCut ? "The best and the worst of " + data.closed.toLocaleString("en") + " closed trades" : "Closed trades";
  table("trades", ["Symbol", "Opened (UTC)", "Closed", "Held", "Quantity", "Cost", "Profit", "Of its cost", "Why"], data.trades, { 6: sign, 7: sign, 8: () => "why" });
  place("refused").hidden = data.refusals.length === 0;
  table("refusals", ["Rule", "Times"], data.refusals);
  const missing = data.gaps.reduce((sum, gap) => sum + gap[2], 0);
  const lines = [...data.verdict, ...data.modes.map(([scope, mode]) => (scope === "*" ? "The account" : scope) + " ended " + mode + "."),
    data.gaps.length ? "The candles have " + data.gaps.length + " gaps, " + missing + " candles are missing; nothing was invented for them." : "The candles have no gaps."];
  place("proof").replaceChildren(...lines.map((line) => make("p", line, /DIFFER|^ {2}/.test(line) ? "bad" : "")));
  place("holes").hidden = data.gaps.length === 0;
  place("holes").querySelector("summary").textContent = "Gaps";
  table("gaps", ["Symbol", "After the candle of (UTC)", "Missing"], data.gaps);
  table("settings", ["Setting", "Value"], data.settings);
}

showTop();
showMonths();
showSymbols();
showCharts();
showRest();
