"use strict";
const findings = [...document.querySelectorAll(".finding")];
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key) || !findings.length) return;
  const here = findings.indexOf(document.activeElement.closest(".finding"));
  const step = event.key === "j" ? here + 1 : here - 1;
  findings[Math.min(Math.max(step, 0), findings.length - 1)].focus();
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
