// The only place where elements are made. Text goes in as text: no name that a
// profile brings is ever parsed as markup.

// Makes an element. `set` holds properties, and attributes where the name has
// a dash or is one of those that only exist as attributes.
export function make(tag, set = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(set)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// The same for SVG, where everything is an attribute.
export function makeSvg(tag, set = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(set)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

// At most once for each frame that is painted, however often it is asked for.
export function oncePerFrame(action) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      action();
    });
  };
}

// Tells who listens instead of looking, such as users of a screen reader.
export function announce(text) {
  byId("announcer").textContent = text;
}
