"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  // The choices are kept in the address, so that a link or a reload shows the same.
  const state = new URLSearchParams(location.hash.slice(1));
  const remember = (key, value, usual) => {
    if (value === usual) state.delete(key);
    else state.set(key, value);
    try {
      history.replaceState(null, "", "#" + state.toString());
    } catch {
      location.hash = state.toString();
    }
  };
  const kept = (key, allowed, usual) => (allowed.includes(state.get(key)) ? state.get(key) : usual);

  const themes = ["auto", "light", "dark"];
  const themeButton = byId("theme");
  const showTheme = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    themeButton.textContent = "Theme: " + theme;
    themeButton.dataset.theme = theme;
  };
  themeButton.hidden = false;
  showTheme(kept("theme", themes, "auto"));
  themeButton.addEventListener("click", () => {
    const next = themes[(themes.indexOf(themeButton.dataset.theme) + 1) % themes.length];
    showTheme(next);
    remember("theme", next, "auto");
  });

  for (const table of all("table.sortable")) {
    const heads = all("thead th", table);
    const body = table.tBodies[0];
    const original = Array.from(body.rows);
    const sortBy = (at, direction) => {
      heads.forEach((head, index) => {
        if (index === at) head.setAttribute("aria-sort", direction);
        else head.removeAttribute("aria-sort");
      });
      const sign = direction === "ascending" ? 1 : -1;
      const key = (row) => {
        const cell = row.cells[at];
        return at === 0 ? cell.textContent : cell.dataset.sort === undefined ? null : Number(cell.dataset.sort);
      };
      const compare = (a, b) => {
        const x = key(a), y = key(b);
        if (x === null || y === null) return (x === null) - (y === null);
        return sign * (typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y);
      };
      body.append(...original.slice().sort(compare));
    };
    heads.forEach((head, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        sortBy(at, head.getAttribute("aria-sort") === "descending" ? "ascending" : "descending");
      });
    });
  }

  const metric = byId("pareto-metric");
  if (metric) {
    const figures = all(".pareto");
    // The selection list already names the plot that is shown.
    all(".pareto figcaption").forEach((caption) => caption.classList.add("sr"));
    const show = () => figures.forEach((figure) => { figure.hidden = figure.dataset.front !== metric.value; });
    metric.value = kept("metric", all("option", metric).map((option) => option.value), "0");
    show();
    metric.addEventListener("change", () => {
      show();
      remember("metric", metric.value, "0");
    });
  }

  for (const button of all(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.closest(".code").querySelector("code");
      const say = (text) => {
        button.textContent = text;
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      };
      try {
        await navigator.clipboard.writeText(code.textContent);
        say("Copied");
      } catch {
        // Pages opened from a file may not write to the clipboard, so the text is selected instead.
        getSelection().selectAllChildren(code);
        say("Selected: press Ctrl+C");
      }
    });
  }

  const grid = byId("grid");
  if (!grid) return;
  const PAGE = 8;
  const body = grid.tBodies[0];
  const rows = Array.from(body.rows);
  const player = byId("player"), play = byId("play"), scrub = byId("scrub"), clock = byId("clock");
  const filter = byId("filter"), pager = byId("pager"), pageOf = byId("page-of");
  let chosen = rows, page = 0, playing = false, position = 0, last = 0;

  const visible = () => chosen.slice(page * PAGE, (page + 1) * PAGE).flatMap((row) => all("video", row));
  const length = (video) => (Number.isFinite(video.duration) && video.duration > 0 ? video.duration : 0);
  const longest = () => Math.max(0, ...visible().map(length));
  const gap = (a, b, span) => Math.min(Math.abs(a - b), span - Math.abs(a - b));

  const showClock = () => {
    const span = longest();
    clock.textContent = position.toFixed(2) + " s";
    if (span) scrub.value = String(Math.round((1000 * position) / span));
  };
  // One clock leads; a video that is off by more than `slack` seconds is set back to it.
  const align = (slack) => {
    for (const video of visible()) {
      const span = length(video);
      if (!span) continue;
      const target = position % span;
      if (gap(video.currentTime, target, span) > slack && !video.seeking) video.currentTime = target;
    }
  };
  const tick = (now) => {
    if (!playing) return;
    const span = longest();
    if (span) position = (position + (now - last) / 1000) % span;
    last = now;
    align(0.12);
    showClock();
    requestAnimationFrame(tick);
  };
  const setPlaying = (wanted) => {
    playing = wanted && visible().length > 0;
    play.textContent = playing ? "Pause" : "Play";
    play.setAttribute("aria-pressed", String(playing));
    const shown = new Set(visible());
    for (const video of all("video", grid)) {
      if (playing && shown.has(video)) video.play().catch(() => {});
      else video.pause();
    }
    if (playing) {
      last = performance.now();
      requestAnimationFrame(tick);
    } else {
      align(0);
    }
  };
  const seek = (time) => {
    const span = longest();
    setPlaying(false);
    position = span ? ((time % span) + span) % span : 0;
    align(0);
    showClock();
  };
  const layout = () => {
    const wasPlaying = playing;
    const pages = Math.max(1, Math.ceil(chosen.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    rows.forEach((row) => { row.hidden = true; });
    chosen.forEach((row, at) => { row.hidden = Math.floor(at / PAGE) !== page; });
    pager.hidden = false;
    const first = chosen.length ? page * PAGE + 1 : 0;
    pageOf.textContent = "rows " + first + " to " + Math.min((page + 1) * PAGE, chosen.length) + " of " + chosen.length;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page >= pages - 1;
    setPlaying(wasPlaying);
  };
  const choose = () => {
    const how = filter.value;
    if (how === "failed") chosen = rows.filter((row) => Number(row.dataset.failed) > 0);
    else if (how === "all") chosen = rows;
    else {
      const spread = (row) => Number(row.dataset[how] ?? -1);
      chosen = rows.slice().sort((a, b) => spread(b) - spread(a));
    }
    body.append(...chosen, ...rows.filter((row) => !chosen.includes(row)));
    layout();
  };

  player.hidden = false;
  filter.value = kept("show", all("option", filter).map((option) => option.value), "all");
  page = Math.max(0, (parseInt(state.get("page"), 10) || 1) - 1);
  choose();
  filter.addEventListener("change", () => {
    page = 0;
    choose();
    remember("show", filter.value, "all");
    remember("page", "1", "1");
  });
  const turn = (by) => {
    page += by;
    layout();
    remember("page", String(page + 1), "1");
  };
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  play.addEventListener("click", () => setPlaying(!playing));
  scrub.addEventListener("input", () => seek((Number(scrub.value) / 1000) * longest() * 0.9999));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, button, summary, pre, a, .scroll:not(.grid-box), .plot")) return;
    const first = visible()[0];
    const frame = 1 / (Number(first && first.dataset.fps) || 24);
    // Seek to the middle of a frame, because its edge may round to the frame before.
    const step = (by) => seek((Math.floor(position / frame + 1e-6) + by + 0.5) * frame);
    if (event.key === " ") setPlaying(!playing);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else return;
    event.preventDefault();
  });
  // Playback begins when the videos come into view, unless the reader asked for less motion.
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches && "IntersectionObserver" in window) {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        setPlaying(true);
      }
    });
    observer.observe(grid);
  }
})();
