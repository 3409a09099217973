// Views that a reader keeps in this browser. Without scripts the page works as well: a view is an address.
(function () {
  "use strict";
  var KEY = "customer-health-views";
  var form = document.getElementById("save-view");
  var list = document.getElementById("saved-views");
  if (!form || !list) return;

  function kept() {
    try {
      var found = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(found) ? found.filter(function (view) {
        // Only what this script has written: a name, and a query of this very page.
        return view && typeof view.name === "string" && typeof view.query === "string" &&
          (view.query === "" || view.query[0] === "?");
      }) : [];
    } catch (error) { return []; }
  }
  function keep(views) {
    try { localStorage.setItem(KEY, JSON.stringify(views.slice(0, 30))); } catch (error) { /* private window */ }
  }
  function draw() {
    list.textContent = "";
    kept().forEach(function (view) {
      var link = document.createElement("a");
      link.href = location.pathname + view.query;
      link.textContent = view.name;
      var drop = document.createElement("button");
      drop.type = "button";
      drop.textContent = "×";
      drop.setAttribute("aria-label", "Forget the view " + view.name);
      drop.addEventListener("click", function () {
        keep(kept().filter(function (other) { return other.name !== view.name; }));
        draw();
      });
      list.append(link, drop);
    });
  }
  form.hidden = false;
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    var name = form.elements.name.value.trim();
    if (!name) return;
    var query = new URLSearchParams(location.search);
    query.delete("as_of"); // a view is of the newest day
    query.delete("page");
    var text = query.toString();
    keep(kept().filter(function (view) { return view.name !== name; }).concat({ name: name, query: text ? "?" + text : "" }));
    form.reset();
    draw();
  });
  draw();
})();
