// Dark or light: as the system says, until somebody chooses.

import { useTheme } from "./color.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

// Calls `changed` when the colours change.
export function startTheme(button, changed) {
  let chosen = null;
  const apply = () => {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    useTheme(theme);
    button.setAttribute("aria-label", theme === "dark" ? "Light colours" : "Dark colours");
    button.textContent = theme === "dark" ? "☀" : "☾";
    changed();
  };
  const flip = () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    apply();
  };
  button.addEventListener("click", flip);
  dark.addEventListener("change", apply);
  apply();
  return flip;
}
