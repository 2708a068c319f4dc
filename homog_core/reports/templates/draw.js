(() => {
  const source = document.getElementById("figures").textContent;
  const theme = matchMedia("(prefers-color-scheme: dark)");
  const dark = [["#1a2026", "#e8edf2"], ["#dfe5ea", "#2c3843"]];
  function draw(isDark, width) {
    const text = isDark ? dark.reduce((all, [from, to]) => all.replaceAll(from, to), source) : source;
    for (const [key, figure] of Object.entries(JSON.parse(text))) {
      const place = document.getElementById(`chart-${key}`);
      figure.layout.width = width || place.clientWidth;
      Plotly.react(place, figure.data, figure.layout, {displayModeBar: false});
    }
  }
  const screen = () => draw(theme.matches);
  screen();
  theme.addEventListener("change", screen);
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(screen, 150); });
  addEventListener("beforeprint", () => { clearTimeout(resized); draw(false, 680); });
  addEventListener("afterprint", screen);
})();
