// Before the page is drawn, so that it does not flash: the theme that was chosen here the last time.
"use strict";
const kept = localStorage.getItem("theme");
if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
