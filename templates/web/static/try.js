// The try page: a file may be dropped on the box. Without this it can be chosen all the same.

const box = document.getElementById("drop");
const chosen = box.querySelector("input[type=file]");
document.getElementById("or-drop").hidden = false;

for (const kind of ["dragenter", "dragover"]) {
  box.addEventListener(kind, (event) => { event.preventDefault(); box.classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) {
  box.addEventListener(kind, () => box.classList.remove("over"));
}
box.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) chosen.files = event.dataTransfer.files;
});
