"use strict";
// The player of a recording: skips, speeds, and places in it that the loudness and the transcript lead to.

const player = document.querySelector("[data-player]");
const keys = document.querySelector("[data-player-keys]");
if (keys) keys.hidden = false;

const seek = (seconds) => {
  if (!player) return;
  player.currentTime = Math.max(0, seconds);
  player.play();
};

for (const place of document.querySelectorAll("[data-seek]")) {
  if (!player) place.disabled = true;  // there is nothing to lead into until it plays
}

document.addEventListener("click", (event) => {
  if (!player) return;
  const place = event.target.closest("[data-seek]");
  const skip = event.target.closest("[data-skip]");
  const rate = event.target.closest("[data-rate]");
  const wave = event.target.closest("[data-wave]");
  if (place) seek(Number(place.dataset.seek));
  if (skip) seek(player.currentTime + Number(skip.dataset.skip));
  if (rate) {
    player.playbackRate = Number(rate.dataset.rate);
    for (const one of document.querySelectorAll("[data-rate]")) one.setAttribute("aria-pressed", String(one === rate));
  }
  if (wave && Number.isFinite(player.duration)) {
    const box = wave.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * player.duration);
  }
});

document.addEventListener("keydown", (event) => {
  if (!player || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("input, select, textarea, audio")) return;
  const by = { ArrowLeft: -5, ArrowRight: 5 }[event.key];
  if (by) {
    event.preventDefault();
    seek(player.currentTime + by);
  }
});
