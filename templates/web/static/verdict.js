// The verdict page: layers over a medium, and scores that lead to their place in it. All of it also reads without.

const NEAR = 0.3; // seconds around a frame in which its faces are shown

function control(label, input) {
  const element = document.createElement("label");
  element.className = "inline";
  element.append(input, label);
  return element;
}

function switchFor(layer, title) {
  const input = document.createElement("input");
  input.type = "checkbox";
  input.checked = !layer.hidden;
  input.addEventListener("change", () => { layer.hidden = !input.checked; });
  return control(title, input);
}

function opacitySlider(stage) {
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: 0, max: 100, value: 60 });
  const apply = () => stage.querySelectorAll("img.layer").forEach((layer) => { layer.style.opacity = input.value / 100; });
  input.addEventListener("input", apply);
  apply();
  return control("How strong the colours are", input);
}

function setUpLayers(medium) {
  const stage = medium.querySelector(".stage");
  const controls = medium.querySelector(".layers");
  if (!stage || !controls) return;
  for (const figure of medium.querySelectorAll("figure[data-overlay]")) {
    if (stage.querySelector(`img.layer[src="${figure.dataset.overlay}"]`)) continue;
    const layer = document.createElement("img");
    Object.assign(layer, { src: figure.dataset.overlay, alt: "", className: "layer", hidden: true });
    layer.dataset.layer = figure.dataset.title;
    stage.append(layer);
  }
  const layers = [...stage.querySelectorAll(".layer")];
  controls.replaceChildren(...layers.map((layer) => switchFor(layer, layer.dataset.layer)));
  if (stage.querySelector("img.layer")) controls.append(opacitySlider(stage));
  controls.hidden = layers.length === 0;
}

function setUpSeeking(medium) {
  const player = medium.querySelector("video.shown, audio.shown");
  const marks = [...medium.querySelectorAll(".seek[data-seconds]")];
  if (!player) return;
  const go = (mark) => { player.pause(); player.currentTime = Number(mark.dataset.seconds); };
  for (const mark of marks) {
    mark.addEventListener("click", () => go(mark));
    mark.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      go(mark);
    });
  }
  medium.addEventListener("click", (event) => seekInDrawing(event, player));
  const times = new Map(marks.map((mark) => [mark.dataset.frame, Number(mark.dataset.seconds)]));
  const show = () => {
    const away = (mark) => Math.abs(Number(mark.dataset.seconds) - player.currentTime);
    const nearest = Math.min(NEAR, ...marks.map(away));
    for (const mark of marks) mark.classList.toggle("now", away(mark) === nearest);
    for (const face of medium.querySelectorAll(".faces [data-frame]")) {
      const at = times.get(face.dataset.frame);
      const far = at === undefined || Math.abs(at - player.currentTime) >= NEAR;
      face.toggleAttribute("hidden", far);
      face.style.display = far ? "none" : "";
    }
    for (const figure of medium.querySelectorAll("figure[data-sound]")) movePlayhead(figure, player);
  };
  for (const event of ["timeupdate", "seeked", "loadedmetadata"]) player.addEventListener(event, show);
  show();
}

// The drawings leave 13 % of their width at the left of the time axis, and 4 % at its right.
const LEFT = 0.13;
const AXIS = 0.83;

function seekInDrawing(event, player) {
  const picture = event.target.closest("figure[data-sound] img");
  if (!picture || !player.duration) return;
  const share = (event.offsetX / picture.clientWidth - LEFT) / AXIS;
  player.currentTime = Math.min(1, Math.max(0, share)) * player.duration;
}

function movePlayhead(figure, player) {
  let head = figure.querySelector(".playhead");
  if (!head) {
    head = document.createElement("div");
    head.className = "playhead";
    figure.append(head);
  }
  const width = figure.querySelector("img").clientWidth;
  const share = player.duration ? player.currentTime / player.duration : 0;
  head.style.left = `${width * (LEFT + AXIS * share)}px`;
}

for (const medium of document.querySelectorAll("[data-medium]")) {
  setUpLayers(medium);
  setUpSeeking(medium);
}
document.body.addEventListener("htmx:afterSettle", () => document.querySelectorAll("[data-medium]").forEach(setUpLayers));
