// Starts the page: each demonstration is decoded when it comes near the screen, the first one at once.

async function startDemo(section) {
  const description = JSON.parse(section.querySelector('script[type="application/json"]').textContent);
  const stored = await decodeTables(section.querySelector('script[type="text/plain"]').textContent);
  const view = new View(new Demo(description, stored), section);
  lemmata.views[description.id] = view;
  section.dataset.state = "ready";
  performance.mark(`lemmata:ready:${description.id}`);
}

function chooseTheme() {
  const button = document.querySelector('[data-role="theme"]');
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const refresh = () => {
    for (const view of Object.values(lemmata.views)) for (const picture of view.pictures) picture.frame.fit();
    button.ariaPressed = String(isDark());
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    refresh();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  button.ariaPressed = String(isDark());
}

globalThis.lemmata = { views: {} };
chooseTheme();
if (typeof DecompressionStream === "undefined") {
  document.querySelector('[data-role="too-old"]').hidden = false;
} else {
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        startDemo(entry.target);
      }
    },
    { rootMargin: "100% 0px" },
  );
  for (const section of document.querySelectorAll("[data-demo]")) watcher.observe(section);
}
