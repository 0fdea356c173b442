// Shows what a node of the blueprint rests on, and what rests on it, while it is pointed at or has the focus.
"use strict";
for (const graph of document.querySelectorAll(".graph svg")) {
  const mark = (node, isNear) => {
    for (const edge of graph.querySelectorAll(".edge")) {
      if (edge.dataset.from !== node.dataset.node && edge.dataset.to !== node.dataset.node) continue;
      edge.classList.toggle("near", isNear);
      for (const end of [edge.dataset.from, edge.dataset.to]) {
        graph.querySelector(`[data-node="${end}"]`).classList.toggle("near", isNear);
      }
    }
  };
  for (const node of graph.querySelectorAll("[data-node]")) {
    for (const event of ["mouseenter", "focus"]) node.addEventListener(event, () => mark(node, true));
    for (const event of ["mouseleave", "blur"]) node.addEventListener(event, () => mark(node, false));
  }
}
