// What the pages do more where scripts run: dialogs are modal, check boxes are chosen at once, a job is followed live.
(() => {
  "use strict";

  document.documentElement.classList.add("scripted");

  // A dialog: Escape and its Close lead back to the page below it.
  for (const dialog of document.querySelectorAll("dialog[open][data-close]")) {
    dialog.removeAttribute("open");
    dialog.showModal();
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      location.assign(dialog.dataset.close);
    });
  }

  document.addEventListener("click", (event) => {
    const select = event.target.closest("[data-select]");
    if (select) {
      event.preventDefault();
      for (const box of select.closest("fieldset").querySelectorAll("input[type=checkbox]")) {
        box.checked = select.dataset.select === "all";
      }
    }
    // A menu closes when one clicks elsewhere.
    for (const menu of document.querySelectorAll("details.dropdown[open]")) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.dropdown[open]")) {
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
    }
  });

  // A form is sent once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  });

  // A job that goes on. What was missed while the server was away comes after the last number that is known here.
  const live = document.querySelector("[data-live]");
  if (live) {
    const log = document.getElementById("log");
    const progress = document.getElementById("progress");
    const state = document.getElementById("live-state");
    let last = Number(live.dataset.after);
    let wait = 500;
    const follow = () => {
      const source = new EventSource(`${live.dataset.live}?after=${last}`);
      const note = (event) => {
        last = Math.max(last, Number(event.lastEventId));
        wait = 500;
        state.textContent = "";
      };
      source.addEventListener("log", (event) => {
        const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
        const known = Number(log.lastElementChild?.dataset.number ?? 0);
        const lines = document.createElement("template");
        lines.innerHTML = event.data;
        for (const line of [...lines.content.children]) {
          if (Number(line.dataset.number) > known) log.append(line);
        }
        if (atEnd) log.scrollTop = log.scrollHeight;
        note(event);
      });
      source.addEventListener("status", (event) => {
        document.getElementById("status").innerHTML = event.data;
        note(event);
      });
      source.addEventListener("progress", (event) => {
        progress.innerHTML = event.data;
        note(event);
      });
      source.addEventListener("over", () => {
        source.close();
        location.reload();
      });
      source.addEventListener("error", async () => {
        source.close();
        // Somebody whose session is over has to sign in again.
        const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
        if (answer?.redirected) return location.reload();
        state.textContent = "The server does not answer now; this page asks it again.";
        setTimeout(follow, wait);
        wait = Math.min(wait * 2, 10000);
      });
    };
    log.scrollTop = log.scrollHeight;
    follow();
  }
})();
