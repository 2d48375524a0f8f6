// A file that is sent with Add Image: in pieces, so that it goes on where it stopped, also after the page was closed.
(() => {
  "use strict";

  const box = document.querySelector("[data-upload]");
  const form = box.closest("form");
  const file = box.querySelector("input[type=file]");
  const sent = box.querySelector("input[name=upload]");
  const bar = box.querySelector("progress");
  const said = box.querySelector("[role=status]");
  const cancel = box.querySelector("button");
  const url = form.elements.url;
  const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
    return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
  };

  let upload = null;
  // The button that was pressed before all was sent.
  let pressed = null;

  const show = (text, isUnderWay) => {
    said.textContent = text;
    bar.hidden = cancel.hidden = !isUnderWay;
    // A file, or an address.
    url.required = !file.files.length && !sent.value;
    url.disabled = !url.required;
  };

  const begin = async () => {
    const chosen = file.files[0];
    sent.value = "";
    if (!chosen) return show("", false);
    let told = 0;
    upload = new tus.Upload(chosen, {
      endpoint: box.dataset.upload,
      headers: { "X-Proof": box.dataset.proof },
      metadata: { filename: chosen.name },
      chunkSize: 16 * 1024 * 1024,
      retryDelays: [0, 500, 1000, 2000, 4000, 8000, 15000, 30000],
      removeFingerprintOnSuccess: true,
      onProgress: (bytes, all) => {
        bar.value = bytes / all;
        // Not at each piece: somebody may be listening.
        const percent = Math.floor((100 * bytes) / all);
        if (percent < told + 5 && told) return;
        told = Math.max(1, percent);
        show(`Sending ${chosen.name}: ${percent} % of ${size(all)}`, true);
      },
      onError: (error) => {
        const answer = error.originalResponse?.getBody();
        pressed = null;
        show(`${chosen.name} could not be sent: ${answer || "the server does not answer"}. Choose it again to go on.`, false);
        file.value = "";
      },
      onSuccess: () => {
        sent.value = upload.url.split("/").pop();
        show(`${chosen.name} (${size(chosen.size)}) is sent.`, false);
        if (pressed) form.requestSubmit(pressed);
      },
    });
    const earlier = await upload.findPreviousUploads();
    if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
    show(`Sending ${chosen.name}: ${earlier.length ? "it goes on where it stopped" : "0 %"}`, true);
    upload.start();
  };

  file.addEventListener("change", begin);
  cancel.addEventListener("click", () => {
    upload.abort(true).catch(() => {});
    pressed = null;
    file.value = "";
    show("Cancelled.", false);
    file.focus();
  });
  form.addEventListener("submit", (event) => {
    if (!file.files.length || sent.value) return;
    event.preventDefault();
    pressed = event.submitter;
    said.textContent = "It is added as soon as all is sent.";
  });
  show(said.textContent, false);
})();
